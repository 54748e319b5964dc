"""Asks the engine what it is, with a deadline; which engine is meant is as for `install`."""

from __future__ import annotations

import queue
import threading
from typing import Final

from installer.checks.enginefacts import Contact, EngineFacts, read_facts
from installer.engines.choose import AUTO
from manifests.errors import EngineFailed, UsageError

SECONDS: Final = 20.0
"""An engine that takes longer for two short answers is of no use."""


def engine_socket(given: str) -> str | None:
    """Return the URL of the socket that `--engine` means, None for an engine without one.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
    """
    kind, _, where = given.partition(":")
    if kind == "layout" and where:
        return None
    if kind == "docker" or given == AUTO:
        from installer.engines.dockerapi import socket_url  # noqa: PLC0415 - the engine's client

        return socket_url(where)
    raise UsageError(
        "engine-unknown", f"expected auto, docker, docker:SOCKET or layout:DIR, found {given}"
    )


def ask_engine(url: str | None, seconds: float = SECONDS) -> EngineFacts:
    """Return what the engine behind a socket says, or why it says nothing.

    In a thread of its own: one that never answers is left behind.
    """
    if url is None:
        return EngineFacts(Contact.NOT_WANTED)
    answers: queue.SimpleQueue[EngineFacts] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(url)), daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return EngineFacts(Contact.HUNG, url, f"no answer within {seconds:g} s")


def _ask(url: str) -> EngineFacts:
    from installer.engines.dockerapi import DockerApi  # noqa: PLC0415 - as above

    try:
        api = DockerApi(url)
        try:
            return read_facts(url, api.info(), api.version())
        finally:
            api.close()
    except EngineFailed as error:
        return EngineFacts(_contact(error), url, str(error))


def _contact(error: EngineFailed) -> Contact:
    match error.__cause__:
        case PermissionError():
            return Contact.DENIED
        case FileNotFoundError() | ConnectionRefusedError():
            return Contact.ABSENT
    return Contact.FAILED
