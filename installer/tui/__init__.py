"""The full-screen program: a sink of the same events as the console, and the only textual room.

Screens decide nothing: `session` asks the host, pure functions turn what comes into lines, and
screens show those.
"""
