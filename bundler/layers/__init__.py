"""Layers on their way into the build cache: downloaded, recompressed, remembered."""
