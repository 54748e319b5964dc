"""Kernels in the languages of the devices, compiled or carried as they are."""
