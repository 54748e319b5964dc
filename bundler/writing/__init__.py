"""A packed bundle on its way to a disk: its files, its place, its parts, and a look back at it."""
