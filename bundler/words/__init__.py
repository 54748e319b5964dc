"""Bundles, locks and differences in words and as JSON: pure, nothing is printed."""
