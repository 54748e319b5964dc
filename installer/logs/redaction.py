"""Takes secrets out of text before it is kept: what looks like one, and those that are known.

Owns the rules. Nothing of ours writes a secret on purpose; this is for the words of others, such as
an engine's error that quotes a URL or a line of settings. Used by the log and by reports alike.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from typing import Final

from manifests.strictjson import JsonValue

HIDDEN: Final = "[hidden]"
SHORTEST: Final = 6
"""Characters of a known secret below which it is not looked for: `on` would take half a text."""

_NAMES: Final = r"pass(?:word|wd|phrase)?|secret|token|credentials?|api[_-]?key|private[_-]?key"
_NAME: Final = re.compile(_NAMES, re.IGNORECASE)
_VALUE: Final = r"\"[^\"]*\"|'[^']*'|[^\s,;}\"']+"
_RULES: Final = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            rf"(?i)(?<![/\w.-])([\w.-]*(?:{_NAMES})[\w.-]*(?:\s*=\s*|[\"']\s*:\s*|:\s+))({_VALUE})"
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL
        ),
        HIDDEN,
    ),
)
"""Of a setting the name stays, and what stands after `=`, or after `:` and a space, goes: image
references such as `acme/secret:1` are no settings."""


def names_secret(name: str) -> bool:
    """Tell whether a setting of that name holds a secret, such as `DB_PASSWORD`."""
    return _NAME.search(name) is not None


class Redaction:
    """The rules, and the secrets that this process has read."""

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def learn(self, secrets: Iterable[str]) -> None:
        """Remember values that must never be kept."""
        found = {line.strip() for text in secrets for line in (text, *text.splitlines())}
        with self._lock:
            self._known |= {one for one in found if len(one) >= SHORTEST}

    def text(self, text: str) -> str:
        """Return `text` without what looks like a secret or is known to be one."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        for rule, instead in _RULES:
            text = rule.sub(instead, text)
        return text

    def json(self, value: JsonValue) -> JsonValue:
        """Return a JSON value with every text in it made safe."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self.json(item) for key, item in value.items()}
        return value


REDACTION: Final = Redaction()
"""This process's own: whoever reads secrets tells it, whoever keeps text asks it."""
