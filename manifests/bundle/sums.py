"""SHA256SUMS: the one signed list of every file of a bundle.

Owns the file's grammar and the grammar of names in a bundle, so that a bundle is the same on
FAT32, exFAT and ext4 and no name leaves its directory. Does not read files; must be parsed only
after its signatures counted.

Format: coreutils, text mode (`<64 hex digits>  <name>`), sorted by bytes, each line ended.
Checked by hand with `sha256sum --strict -c SHA256SUMS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from manifests.bundle.layout import SUMS
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.seals.sshsig import MAX_SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES: Final = 8 * 1024 * 1024
"""Bytes of SHA256SUMS."""
MAX_LINES: Final = 100_000
MAX_NAME: Final = 200
"""Characters of one name with its directories; leaves room for a mount point on FAT32."""

_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", re.ASCII)
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.ASCII)
_LINE = re.compile(rf"([0-9a-f]{{64}})  ([!-~]{{1,{MAX_NAME}}})", re.ASCII)


class MalformedSums(BundleRefused, ValueError):
    """A SHA256SUMS that is not in its one form; code `sums-malformed`."""

    def __init__(self, reason: str) -> None:
        super().__init__("sums-malformed", f"{SUMS}: {reason}")


@dataclass(frozen=True, slots=True)
class Sums:
    """Every file of a bundle and its digest; can't hold a name that is unsafe on some system.

    Attributes:
        files: name, with `/` between directories, to digest; sorted by name.
    """

    files: Mapping[str, Digest]

    def __post_init__(self) -> None:
        names = sorted(self.files)
        if not 0 < len(names) <= MAX_LINES:
            raise MalformedSums(f"expected 1 to {MAX_LINES} files, found {len(names)}")
        for name in names:
            check_name(name)
        _check_distinct(names)
        files = MappingProxyType({name: self.files[name] for name in names})
        object.__setattr__(self, "files", files)

    @classmethod
    def parse(cls, data: bytes) -> Sums:
        """Parse the bytes of SHA256SUMS.

        Raises:
            MalformedSums: anything but the one form that `render` writes.
        """
        files: dict[str, Digest] = {}
        previous = ""
        for number, line in enumerate(_lines(data), start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise MalformedSums(
                    f"line {number}: expected '<64 hex digits>  <name>', found {line[:300]!r}"
                )
            if match[2] <= previous:
                raise MalformedSums(f"line {number}: {match[2]} is twice or not sorted")
            previous = match[2]
            files[previous] = Digest(match[1])
        return cls(files)

    def render(self) -> bytes:
        """Return the bytes of SHA256SUMS.

        Raises:
            MalformedSums: larger than `MAX_BYTES`.
        """
        lines = (f"{digest.hex}  {name}\n" for name, digest in self.files.items())
        data = "".join(lines).encode("ascii")
        if len(data) > MAX_BYTES:
            raise MalformedSums(f"expected at most {MAX_BYTES} bytes, found {len(data)}")
        return data


def signature_name(number: int) -> str:
    """Return the name of the signature file of signer `number`, counted from 1."""
    if not 1 <= number <= MAX_SIGNATURES:
        raise ValueError(f"signature {number} of at most {MAX_SIGNATURES}")
    return f"{SUMS}.{number}.sig"


def check_name(name: str) -> str:
    """Return `name` if a file of a bundle may be called so.

    Raises:
        MalformedSums: with the part that is wrong.
    """
    if len(name) > MAX_NAME:
        raise MalformedSums(f"{name[:300]!r} is longer than {MAX_NAME} characters")
    for component in name.split("/"):
        check_component(component)
    if name.casefold().partition(".")[0] == SUMS.casefold():
        raise MalformedSums(f"{name!r} is the list itself or a signature of it")
    return name


def check_component(component: str) -> str:
    """Return `component` if a file or directory of a bundle may be called so.

    Raises:
        MalformedSums: not 1 to 64 of `A-Za-z0-9._-`, starts with `.` or `-`, ends with a dot, or
            is a device on Windows.
    """
    if not _COMPONENT.fullmatch(component) or component.endswith("."):
        raise MalformedSums(
            f"{component[:300]!r} can't be a file's name: 1 to 64 of A-Z a-z 0-9 . _ - are,"
            " not starting with '.' or '-', not ending with '.'"
        )
    if _DEVICE.fullmatch(component.casefold()):
        raise MalformedSums(f"{component!r} is the name of a device on some systems")
    return component


def _lines(data: bytes) -> list[str]:
    if len(data) > MAX_BYTES:
        raise MalformedSums(f"larger than {MAX_BYTES} bytes")
    if not data.endswith(b"\n"):
        raise MalformedSums("empty, or its last line is cut short")
    if data.count(b"\n") > MAX_LINES:
        raise MalformedSums(f"more than {MAX_LINES} lines")
    try:
        return data.decode("ascii").split("\n")[:-1]
    except UnicodeDecodeError as err:
        raise MalformedSums(f"byte {err.start} is not ASCII") from err


def _check_distinct(names: list[str]) -> None:
    """Refuse names that fall together, or into each other, where case does not count."""
    directories: dict[str, str] = {}
    files = {name.casefold(): name for name in names}
    if len(files) != len(names):
        raise MalformedSums("two names differ only in case")
    for name in names:
        at = name.find("/")
        while at >= 0:
            folded = name[:at].casefold()
            if directories.setdefault(folded, name[:at]) != name[:at]:
                raise MalformedSums(f"directory {name[:at]!r} is also written otherwise")
            if folded in files:
                raise MalformedSums(f"{name[:at]!r} is both a file and a directory")
            at = name.find("/", at + 1)
