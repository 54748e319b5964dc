"""The self-test: proves on the spot that a machine computes, and how well.

Convolves a picture on every device found (numpy, OpenCL), compares bit by bit with what is known to
be right, and times it. Knows nothing of bundles, containers or the other packages, so that it runs
alone: `python -m selftest`.
"""
