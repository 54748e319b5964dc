"""The self-test as the installer runs it: as a child process here, and in containers.

`selftest` is a leaf that is never imported: what it says is read from its JSON report, as of any
stranger's. The engine's API is `installer.engines.containers`'s; here is what is asked of it.
"""
