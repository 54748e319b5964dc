"""Tests: folders follow the packages; `support` holds the real parts that they run against."""
