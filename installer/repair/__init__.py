"""`installer repair`: damaged bytes of a bundle from another copy, or from its parity.

Everything here works beneath what the other verbs refuse: files that are missing, cut short or in
places unreadable. It believes a signed list alone, and writes where it was told to.
"""
