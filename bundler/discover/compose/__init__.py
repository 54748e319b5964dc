"""Docker Compose files: `source` reads one `compose:` of an app; the rest is its rooms."""

from bundler.discover.compose.source import discover, read_project

__all__ = ["discover", "read_project"]
