"""Marathon documents: `source` reads one `marathon:` of an app; the rest is its rooms."""

from bundler.discover.marathon.source import discover, read

__all__ = ["discover", "read"]
