"""Dockerfiles: `source` reads one `dockerfile:` of an app; the rest is its rooms."""

from bundler.discover.dockerfile.source import discover, discover_text

__all__ = ["discover", "discover_text"]
