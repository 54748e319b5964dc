"""From what an app's files name to pinned digests: the lock, old and new."""
