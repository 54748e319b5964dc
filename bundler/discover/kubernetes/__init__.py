"""Kubernetes documents: `source` reads one `kubernetes:` of an app; the rest is its rooms."""

from bundler.discover.kubernetes.source import discover, discover_text

__all__ = ["discover", "discover_text"]
