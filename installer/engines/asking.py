"""Questions to an engine by the hundred, over few connections that are kept.

Owns the connections, which are the client library's own without what that does besides for every
question: there it makes a new connection, and works six times as long. Only asks, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from docker.errors import APIError, DockerException, NotFound
from docker.transport.unixconn import UnixHTTPConnectionPool
from urllib3.exceptions import HTTPError

from installer.engines.dockerapi import ANSWER_SECONDS

_FOUND: Final = 200
_MISSING: Final = 404
_BASE: Final = "http+docker://localhost"


class Asking:
    """One engine behind one Unix socket, for several threads at once."""

    def __init__(self, url: str, version: str, connections: int) -> None:
        """Keep at most `connections` open; `version` is that of the API."""
        path = url.removeprefix("unix://")
        self._version = version
        self._pool = UnixHTTPConnectionPool(_BASE, path, ANSWER_SECONDS, connections)

    def ask(self, *path: str, **query: str | int) -> Any:
        """Return what the engine answers, read from JSON.

        Raises:
            NotFound: it has none such.
            DockerException: it refuses, breaks off, or answers something else.
        """
        asked = "/".join(quote(part, safe="/:@") for part in (f"v{self._version}", *path))
        try:
            answer = self._pool.urlopen(
                "GET", f"/{asked}?{urlencode(query)}", retries=False, timeout=ANSWER_SECONDS
            )
            found = json.loads(answer.data)
        except (HTTPError, ValueError) as error:
            raise DockerException(str(error)) from error
        if answer.status == _FOUND:
            return found
        text = str(found.get("message") if isinstance(found, Mapping) else found)
        raise NotFound(text) if answer.status == _MISSING else APIError(text)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
