"""Asks a `docker-credential-*` program for a registry's credentials.

The protocol: `docker-credential-NAME get`, the server on standard input, JSON with `Username` and
`Secret` on standard output (docker-credential-helpers). What a program prints may be a secret, so
none of it is ever repeated in a message.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import IO, Final

from manifests.strictjson import MalformedJson, load_object

TIMEOUT_S: Final = 60.0
"""Seconds; a helper may be asking its user for a PIN."""
OUTPUT_LIMIT: Final = 64 * 1024
"""Bytes of a helper's answer."""

_NOT_FOUND: Final = b"credentials not found"


class HelperProblem(Exception):
    """A helper that does not work; the text is safe to show."""


def ask_helper(name: str, server: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user name and secret for `server`, or None if the helper has none.

    Raises:
        HelperProblem: it can't be run, fails, takes too long or answers nonsense.
    """
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environment.get("PATH"))
    if path is None:
        raise HelperProblem(f"{program}, which config.json names, is not installed")
    status, output = _run(program, path, server, environment)
    if status != 0:
        if _NOT_FOUND in output:
            return None
        raise HelperProblem(f"{program} failed with status {status}")
    return _parse(program, output)


def _run(program: str, path: str, server: str, environment: Mapping[str, str]) -> tuple[int, bytes]:
    deadline = time.monotonic() + TIMEOUT_S
    try:
        process = subprocess.Popen(  # noqa: S603 - the program that the user's Docker uses
            [path, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
        )
    except OSError as error:
        raise HelperProblem(f"{program} can't be run: {error.strerror}") from error
    with process:
        try:
            return _converse(process, server, deadline)
        except (subprocess.TimeoutExpired, TimeoutError) as error:
            raise HelperProblem(f"{program} gave no answer in {TIMEOUT_S:.0f} seconds") from error
        finally:
            process.kill()


def _converse(process: subprocess.Popen[bytes], server: str, deadline: float) -> tuple[int, bytes]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("pipes were asked for")
    with contextlib.suppress(BrokenPipeError), process.stdin as question:
        question.write(server.encode())
    output = _read_until(process.stdout, deadline)
    if len(output) > OUTPUT_LIMIT:
        process.kill()
    return process.wait(max(deadline - time.monotonic(), 0.1)), output


def _read_until(pipe: IO[bytes], deadline: float) -> bytes:
    """Return what comes, a little more than the limit at most."""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= OUTPUT_LIMIT:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                raise TimeoutError
            part = os.read(pipe.fileno(), 16384)
            if not part:
                break
            output += part
    return bytes(output)


def _parse(program: str, output: bytes) -> tuple[str, str] | None:
    try:
        answer = load_object(output, limit=OUTPUT_LIMIT, subject=program)
    except MalformedJson as error:
        raise HelperProblem(f"{program}: expected JSON, found something else") from error
    username, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        raise HelperProblem(f"{program}: expected Username and Secret, found neither")
    return (username, secret) if secret else None
