"""The log of what this program did: bounded, and without secrets."""
