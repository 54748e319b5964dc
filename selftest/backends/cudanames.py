"""What the parent says to a child that asks CUDA, and what the child answers: words alone.

Imports nothing that computes: the parent starts its first child sooner without it.
"""

from __future__ import annotations

from typing import Final

WITHOUT_PYCUDA: Final = "MOONLIFT_CUDA_WITHOUT_PYCUDA"
"""Variable that makes a child leave pycuda out."""

CTYPES: Final = "ctypes"
"""The binding of a device that was found without pycuda."""
