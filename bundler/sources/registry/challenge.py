"""Reads `WWW-Authenticate`: what a registry wants before it answers (RFC 9110, 11.6.1).

Read strictly: a header that two readers could understand differently is refused. No decision is
made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MAX_HEADER: Final = 8 * 1024
"""Characters of one header."""

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - RFC 9110's word for a name
_SCHEME = re.compile(rf"[ \t,]*({_TOKEN})(?:[ \t]+|(?=,)|$)")
_PARAMETER = re.compile(
    rf'[ \t,]*({_TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*+)"|({_TOKEN}))[ \t]*(?=,|$)'
)
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)")
_ESCAPE = re.compile(r"\\(.)")
_REST = re.compile(r"[ \t,]*$")


class MalformedChallenge(ValueError):
    """A header that is not a list of challenges."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to be let in.

    Attributes:
        scheme: lower case, such as `bearer`.
        parameters: by lower-case name.
    """

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: Sequence[str]) -> tuple[Challenge, ...]:
    """Return every challenge of every `WWW-Authenticate` header, in order.

    Raises:
        MalformedChallenge: a header that does not follow the grammar.
    """
    return tuple(challenge for header in headers for challenge in _parse(header))


def _parse(header: str) -> Iterator[Challenge]:
    if len(header) > MAX_HEADER:
        raise MalformedChallenge(f"longer than {MAX_HEADER} characters")
    position = 0
    while not _REST.match(header, position):
        scheme = _SCHEME.match(header, position)
        if not scheme:
            raise MalformedChallenge("neither a scheme nor a parameter")
        parameters, position = _parameters(header, scheme.end())
        yield Challenge(scheme[1].lower(), MappingProxyType(parameters))


def _parameters(header: str, position: int) -> tuple[dict[str, str], int]:
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(header, position):
        name, quoted, plain = found[1].lower(), found[2], found[3]
        if name in parameters:
            raise MalformedChallenge(f"two parameters {name}")
        parameters[name] = plain if quoted is None else _ESCAPE.sub(r"\1", quoted)
        position = found.end()
    if not parameters and (token68 := _TOKEN68.match(header, position)):
        position = token68.end()
    return parameters, position
