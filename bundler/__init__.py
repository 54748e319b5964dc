"""The connected side: turns references into one signed bundle.

The only room with a registry client or a private key.
"""
