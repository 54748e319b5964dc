"""A release's services as a stack of swarm services: what they shall be, and how they come to be.

Everything starts from the same `Deployment` as containers do (`installer.app`): `making` turns it
into services, `switch` makes them so, `control` stops, shows and removes. Only
`installer.engines.swarmapi` speaks with the swarm.
"""
