"""Batch scripts: `source` reads one `slurm:` of an app; the rest is its rooms."""

from bundler.discover.slurm.source import discover

__all__ = ["discover"]
