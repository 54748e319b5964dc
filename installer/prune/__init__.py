"""`installer prune`: what a host no longer needs is removed, so that its disk does not fill up.

What goes is decided by `manifests.prunerules.host`; here facts are asked for, and plans carried
out.
"""
