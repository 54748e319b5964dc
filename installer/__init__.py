"""The host side: turns a signed bundle into images in an engine. No network client at all."""
