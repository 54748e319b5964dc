"""OpenSSH's `allowed_signers` format: who may seal a bundle, and until when.

Owns the file's grammar (ssh-keygen(1), ALLOWED SIGNERS). Does not read files or clocks, does not
count seals: `manifests.seals.signers` does.

At least as strict as ssh-keygen, and where a line could be read in two ways it is refused with
its number: certificate authorities, negated principals, options in capitals, other key types.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from manifests.errors import NotInstallableHere
from manifests.seals.sshkey import MAX_LINE, MalformedKey, PublicKey
from manifests.seals.sshsig import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_BYTES: Final = 256 * 1024
"""Bytes of one allowed_signers file: some thousand keys."""

_OPTION = r'[A-Za-z-]+(?:="[^"]*")?'
_LINE = re.compile(
    rf"(?P<principals>[^\s\"]+)[ \t]+(?:(?P<options>{_OPTION}(?:,{_OPTION})*)[ \t]+)?"
    r"(?P<type>[a-z0-9@.-]+)[ \t]+(?P<key>[A-Za-z0-9+/]+={0,2})(?:[ \t]+(?P<comment>.*))?"
)
_OPTIONS = re.compile(r'(?P<name>[A-Za-z-]+)(?:="(?P<value>[^"]*)")?(?:,|$)')
_PATTERN = re.compile(r"[!-~]+", re.ASCII)
_PRINCIPAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,127}", re.ASCII)
_TIME = re.compile(r"(?P<digits>[0-9]{8}(?:[0-9]{4}(?:[0-9]{2})?)?)(?P<zulu>Z?)", re.ASCII)
_TIME_OPTIONS: Final = ("valid-after", "valid-before")
_KNOWN_OPTIONS: Final = frozenset({"namespaces", *_TIME_OPTIONS})
_TIME_FORMATS: Final = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class MalformedSigners(NotInstallableHere, ValueError):
    """A line of allowed_signers that can't be taken; code `signers-malformed`."""

    def __init__(self, line_number: int, reason: str) -> None:
        super().__init__(
            "signers-malformed", f"allowed_signers line {line_number}: {reason}", line=line_number
        )


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """One line of allowed_signers.

    Attributes:
        principals: the names the key goes by, as written; `*` and `?` may stand in them.
        public_key: the key itself.
        namespaces: what the key may sign for, as patterns; empty means anything.
        valid_after: the first moment at which the key counts; None means always.
        valid_before: the last moment at which the key counts; None means for ever.
        line_number: from 1; 0 for a signer that was not read from a file.
        comment: what follows the key.
    """

    principals: tuple[str, ...]
    public_key: PublicKey
    namespaces: tuple[str, ...] = (NAMESPACE,)
    valid_after: datetime | None = None
    valid_before: datetime | None = None
    line_number: int = 0
    comment: str = ""

    @property
    def principal(self) -> str:
        """All names on one line, for people."""
        return ",".join(self.principals)

    def may_sign(self, namespace: str) -> bool:
        """Say whether the key is listed for `namespace`."""
        return not self.namespaces or _matches(namespace, self.namespaces)

    def objection(self, now: datetime) -> str:
        """Return why the key does not count at `now`; empty if it does."""
        if self.valid_after is not None and now < self.valid_after:
            return f"is not valid before {self.valid_after:%Y-%m-%d %H:%M}Z"
        if self.valid_before is not None and now > self.valid_before:
            return f"expired on {self.valid_before:%Y-%m-%d %H:%M}Z"
        return ""

    @property
    def line(self) -> str:
        """The signer as one line of allowed_signers, without a line feed."""
        options = [f'namespaces="{",".join(self.namespaces)}"'] if self.namespaces else []
        for name, moment in (
            ("valid-after", self.valid_after),
            ("valid-before", self.valid_before),
        ):
            if moment is not None:
                options.append(f'{name}="{moment.astimezone(UTC):%Y%m%d%H%M%S}Z"')
        words = (self.principal, ",".join(options), self.public_key.line, self.comment)
        return " ".join(filter(None, words))


def parse_signers(data: bytes) -> tuple[AllowedSigner, ...]:
    """Parse the bytes of an allowed_signers file.

    Raises:
        MalformedSigners: with the number of the line.
    """
    signers: list[AllowedSigner] = []
    for number, line in enumerate(_text(data).split("\n"), start=1):
        stripped = line.strip(" \t")
        if stripped and not stripped.startswith("#"):
            signers.append(_parse_line(number, stripped))
    return tuple(signers)


def is_principal(text: str) -> bool:
    """Say whether `text` names one signer, without patterns."""
    return _PRINCIPAL.fullmatch(text) is not None


def distinct_keys(signers: Sequence[AllowedSigner]) -> int:
    """Count the bare keys, however often and under whatever names they are listed."""
    return len({signer.public_key.point for signer in signers})


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise MalformedSigners(1, f"the file is larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as err:
        number = data[: err.start].count(b"\n") + 1
        raise MalformedSigners(number, "not UTF-8") from err
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE or not line.replace("\t", " ").isprintable():
            raise MalformedSigners(
                number, f"longer than {MAX_LINE} characters, or control characters in it"
            )
    return text


def _parse_line(number: int, line: str) -> AllowedSigner:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedSigners(number, "expected '<names> [options] <key type> <base64> [comment]'")
    try:
        key = PublicKey.from_words(match["type"], match["key"])
    except MalformedKey as err:
        raise MalformedSigners(number, str(err)) from err
    options = _parse_options(number, match["options"] or "")
    after, before = (_parse_time(number, options, name) for name in _TIME_OPTIONS)
    if after is not None and before is not None and after >= before:
        raise MalformedSigners(number, "valid-before is not later than valid-after")
    return AllowedSigner(
        principals=_parse_principals(number, match["principals"]),
        public_key=key,
        namespaces=_parse_namespaces(number, options),
        valid_after=after,
        valid_before=before,
        line_number=number,
        comment=(match["comment"] or "").strip(),
    )


def _parse_options(number: int, text: str) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for match in _OPTIONS.finditer(text):
        name, value = match["name"], match["value"]
        if name.lower() == "cert-authority":
            raise MalformedSigners(
                number, "certificate authorities are not taken; list each signer's own key"
            )
        if name not in _KNOWN_OPTIONS:
            raise MalformedSigners(number, f"unknown option {name!r}")
        if not value or "\\" in value:
            raise MalformedSigners(number, f'expected {name}="..."')
        if name in options:
            raise MalformedSigners(number, f"option {name} twice")
        options[name] = value
    return options


def _parse_principals(number: int, text: str) -> tuple[str, ...]:
    principals = tuple(text.split(","))
    for principal in principals:
        if not _PATTERN.fullmatch(principal) or principal.startswith("!"):
            raise MalformedSigners(
                number, f"expected names with commas between, none negated; found {text!r}"
            )
    return principals


def _parse_namespaces(number: int, options: Mapping[str, str]) -> tuple[str, ...]:
    if "namespaces" not in options:
        return ()
    patterns = tuple(options["namespaces"].split(","))
    if not all(_PATTERN.fullmatch(pattern.removeprefix("!")) for pattern in patterns):
        raise MalformedSigners(number, "an empty namespace, or one with spaces")
    return patterns


def _parse_time(number: int, options: Mapping[str, str], name: str) -> datetime | None:
    if name not in options:
        return None
    match = _TIME.fullmatch(options[name])
    try:
        if match is None:
            raise ValueError("expected YYYYMMDD[HHMM[SS]][Z]")  # noqa: TRY301
        moment = _moment(match["digits"], zulu=bool(match["zulu"]))
    except (ValueError, OverflowError) as err:
        raise MalformedSigners(number, f"{name}: {options[name]!r}: {err}") from err
    return moment


def _moment(digits: str, *, zulu: bool) -> datetime:
    """Read a time as ssh-keygen does: without Z it is this host's standard time."""
    naive = datetime.strptime(digits, _TIME_FORMATS[len(digits)])  # noqa: DTZ007
    if zulu:
        moment = naive.replace(tzinfo=UTC)
    else:
        standard_time = (*naive.timetuple()[:8], 0)
        moment = datetime.fromtimestamp(time.mktime(standard_time), UTC)
    if moment.timestamp() <= 0:
        raise ValueError("before 1970")
    return moment


def _matches(text: str, patterns: Sequence[str]) -> bool:
    """Match as OpenSSH does: any pattern fits and no negated one does."""
    if any(_wildcard(pattern[1:], text) for pattern in patterns if pattern.startswith("!")):
        return False
    return any(_wildcard(pattern, text) for pattern in patterns if not pattern.startswith("!"))


def _wildcard(pattern: str, text: str) -> bool:
    """Match `*` and `?`, nothing else; linear in both lengths, unlike a regular expression."""
    reachable = {0}
    for character in pattern:
        if character == "*":
            reachable = set(range(min(reachable), len(text) + 1)) if reachable else set()
        else:
            reachable = {
                at + 1 for at in reachable if at < len(text) and character in ("?", text[at])
            }
    return len(text) in reachable
