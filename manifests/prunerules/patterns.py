"""One pattern that says what stays: a glob, a `/regular expression/`, an ID, a digest or a label.

Owns the grammar, of docker-gc's exclude files too. Does not know what it is held against beyond
names, an ID and labels.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from manifests.imagenames import parsed
from manifests.posixregex import basic, bounded, extended

_LABEL: Final = "label="
_ID = re.compile(r"(?:sha256:)?[0-9a-f]{12,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a pattern is held against.

    Attributes:
        names: full references, or a name of another kind.
        identity: ID of it.
        labels: of it.
    """

    names: tuple[str, ...]
    identity: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern of an exclude list.

    Attributes:
        text: as it was written.
        matches: tells whether something is meant.
    """

    text: str
    matches: Callable[[Subject], bool]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read a pattern.

        Raises:
            MalformedInput: `exclude-malformed`.
        """
        if text.startswith(_LABEL):
            return cls(text, _label(text.removeprefix(_LABEL)))
        if len(text) > 2 and text.startswith("/") and text.endswith("/"):
            return cls(text, _search(bounded(text[1:-1])))
        return cls(text, _glob_or_id(text))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one of docker-gc's files.

    Attributes:
        text: as it was written.
    """

    text: str
    _searched: re.Pattern[str]

    @classmethod
    def of_image(cls, text: str) -> Line:
        """Read a basic expression that must be a whole word of `repository:tag ID`."""
        return cls(text, basic(f" {text} "))

    @classmethod
    def of_container(cls, text: str) -> Line:
        """Read an extended expression, looked for in a container's whole row."""
        return cls(text, extended(text))

    @classmethod
    def of_volume(cls, text: str) -> Line:
        """Read a basic expression, looked for in a volume's name."""
        return cls(text, basic(text))

    def finds(self, row: str) -> bool:
        """Tell whether it is in a row."""
        return self._searched.search(row) is not None


def _label(text: str) -> Callable[[Subject], bool]:
    name, equals, value = text.partition("=")

    def matches(subject: Subject) -> bool:
        found = subject.labels.get(name)
        return found is not None and (not equals or found == value)

    return matches


def _search(searched: re.Pattern[str]) -> Callable[[Subject], bool]:
    return lambda subject: any(searched.search(form) for form in _forms(subject))


def _glob_or_id(text: str) -> Callable[[Subject], bool]:
    bare = text.rpartition("@")[2].removeprefix("sha256:") if _ID.fullmatch(text) else ""

    def matches(subject: Subject) -> bool:
        if bare and any(one.startswith(bare) for one in _digests(subject)):
            return True
        return any(fnmatchcase(form, text) for form in _forms(subject))

    return matches


def _digests(subject: Subject) -> list[str]:
    references = [one for name in subject.names if (one := parsed(name)) is not None]
    named = [one.digest.hex for one in references if one.digest is not None]
    return [subject.identity.removeprefix("sha256:"), *named]


def _forms(subject: Subject) -> list[str]:
    """Return each way in which people write a name: in full or short, with tag or without."""
    forms = [*subject.names]
    for name in subject.names:
        reference = parsed(name)
        if reference is not None:
            familiar = reference.familiar
            bare = familiar.partition("@")[0]
            forms += [familiar, reference.name, bare, _untagged(bare)]
    return list(dict.fromkeys(forms))


def _untagged(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name
