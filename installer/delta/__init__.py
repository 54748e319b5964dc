"""Bundles that bring only what is new: what they build on is found on this host and read there."""
