"""What was typed for the verbs that look up images, as one value each; light to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manifests.layerpolicy import LayerPolicy


@dataclass(frozen=True, slots=True)
class BuildArguments:
    """The options of `bundle build` as typed; see its `--help`."""

    manifest: Path
    output: Path | None
    keys: tuple[Path, ...]
    source: str
    layers: LayerPolicy | None
    level: int
    platforms: tuple[str, ...]
    part_size: str | None
    cache: Path | None
    ca_files: tuple[Path, ...]
    plain_http: tuple[str, ...]
    realms: tuple[str, ...]
    passphrase_file: Path | None
    base: Path | None = None
    locked: bool = False
    selftest: str = ""
    installer: Path | None = None
    parity: int = 0


@dataclass(frozen=True, slots=True)
class LockArguments:
    """The options of `bundle resolve` as typed; see its `--help`."""

    manifest: Path
    source: str
    layers: LayerPolicy | None
    platforms: tuple[str, ...]
    cache: Path | None
    ca_files: tuple[Path, ...]
    plain_http: tuple[str, ...]
    realms: tuple[str, ...]
    check: bool
    selftest: str = ""
