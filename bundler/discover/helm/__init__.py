"""Helm charts: `source` renders one `helm:` of an app; the rest is its rooms."""

from bundler.discover.helm.source import discover

__all__ = ["discover"]
