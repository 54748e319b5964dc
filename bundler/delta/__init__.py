"""Bundles that hold only what is new since an old one: what is left out, and patches."""
