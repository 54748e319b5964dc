"""An app's containers, networks and volumes through the Docker Engine's API.

Owns the connection, the translation of failures, and what is read of the engine's answers. Does
not know what an app is but for the labels that tell whose something is.
"""

from __future__ import annotations

from installer.checks.enginefacts import EngineFacts


class AppApi:
    """What runs in one engine behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself.

        Raises:
            EngineFailed: `engine-unreachable`.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections."""
        raise NotImplementedError


def open_apps(engine: str) -> AppApi:
    """Return what runs apps in the engine that the command line names.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        NotInstallableHere: `engine-cannot-run`: it is a layout directory.
        EngineFailed: `engine-unreachable`.
    """
    raise NotImplementedError
