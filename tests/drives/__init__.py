"""`make drive-test`: drives of a real kernel, large and failing, in a small machine."""
