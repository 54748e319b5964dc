"""Real parts for tests: registries, engines, images, network namespaces, damage.

Everything that starts something is a context manager and stops exactly what it started. Nothing
here uses the packages under test, so that it can serve as their oracle.
"""
