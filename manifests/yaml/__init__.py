"""YAML of people, read with bounds, each value with its place in the file."""
