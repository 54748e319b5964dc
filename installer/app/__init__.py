"""A release's services as containers of one host: what they shall be, and how they come to be.

`settings` reads what this host sets, `deployment` says what shall run, `switch` makes it so,
`control` stops, starts and looks at what runs. Only `installer.engines.appapi` speaks with the
engine.
"""
