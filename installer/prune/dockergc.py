"""docker-gc's environment variables and exclude files, so that its users can switch.

Owns what each of them means here, and which have no effect. Each variable counts unless the
command line says otherwise; the exclude files count always.

Source: spotify/docker-gc, README and script of 2021-02-01.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from manifests.errors import UsageError
from manifests.prunerules.excludes import Excludes
from manifests.prunerules.host import LOCAL_DRIVER
from manifests.prunerules.patterns import Line, Pattern

FILE_LIMIT: Final = 1024 * 1024

T = TypeVar("T")

_IMAGES: Final = ("EXCLUDE_FROM_GC", "/etc/docker-gc-exclude")
_CONTAINERS: Final = ("EXCLUDE_CONTAINERS_FROM_GC", "/etc/docker-gc-exclude-containers")
_VOLUMES: Final = ("EXCLUDE_VOLUMES_IDS_FILE", "/etc/docker-gc-exclude-volumes")
_WITHOUT_EFFECT: Final = {
    "FORCE_CONTAINER_REMOVAL": "nothing is ever forced",
    "FORCE_IMAGE_REMOVAL": "nothing is ever forced; an image with several names goes without",
    "LOG_TO_SYSLOG": "pipe into: logger -t docker-gc",
    "SYSLOG_FACILITY": "pipe into: logger -p",
    "SYSLOG_LEVEL": "pipe into: logger -p",
    "SYSLOG_TAG": "pipe into: logger -t",
    "STATE_DIR": "the ledger's folder is --state-dir",
    "PID_DIR": "the ledger's lock keeps two runs apart",
    "DOCKER": "the engine is asked through its API; --engine",
}


@dataclass(frozen=True, slots=True)
class GcSettings:
    """What docker-gc's variables and files say; None for those that are not set.

    Attributes:
        grace_seconds: GRACE_PERIOD_SECONDS.
        keep_images: MINIMUM_IMAGES_TO_SAVE.
        volumes: REMOVE_VOLUMES.
        anonymous_volumes: REMOVE_ASSOCIATED_VOLUME.
        volume_driver: VOLUME_DELETE_ONLY_DRIVER.
        keep_dead: EXCLUDE_DEAD.
        dry_run: DRY_RUN.
        excludes: of the three files.
        remarks: what is set and has no effect.
    """

    grace_seconds: int | None = None
    keep_images: int | None = None
    volumes: bool | None = None
    anonymous_volumes: bool | None = None
    volume_driver: str = LOCAL_DRIVER
    keep_dead: bool = False
    dry_run: bool = False
    excludes: Excludes = field(default_factory=Excludes)
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> GcSettings:
        """Read them.

        Raises:
            UsageError: `gc-variable`, `exclude-unreadable`, `exclude-malformed`.
        """
        return cls(
            grace_seconds=_number(environ, "GRACE_PERIOD_SECONDS"),
            keep_images=_number(environ, "MINIMUM_IMAGES_TO_SAVE"),
            volumes=_flag(environ, "REMOVE_VOLUMES"),
            anonymous_volumes=_flag(environ, "REMOVE_ASSOCIATED_VOLUME"),
            volume_driver=environ.get("VOLUME_DELETE_ONLY_DRIVER", LOCAL_DRIVER),
            keep_dead=bool(_flag(environ, "EXCLUDE_DEAD")),
            dry_run=bool(_flag(environ, "DRY_RUN")),
            excludes=host_excludes(environ),
            remarks=tuple(_remarks(environ)),
        )


def host_excludes(environ: Mapping[str, str]) -> Excludes:
    """Return what the three exclude files keep.

    Raises:
        UsageError: `exclude-unreadable`, `exclude-malformed`.
    """
    return Excludes(
        images=tuple(_listed(environ, _IMAGES, Line.of_image)),
        containers=tuple(_listed(environ, _CONTAINERS, Line.of_container)),
        volumes=tuple(_listed(environ, _VOLUMES, Line.of_volume)),
    )


def patterns_of(path: Path) -> tuple[Pattern, ...]:
    """Read a file of patterns, one a line.

    Raises:
        UsageError: `exclude-unreadable`, `exclude-malformed`.
    """
    return tuple(_parsed(path, Pattern.parse, text) for text in _lines(path, missing_ok=False))


def _listed(
    environ: Mapping[str, str], place: tuple[str, str], parse: Callable[[str], Line]
) -> Iterator[Line]:
    """Yield the lines of a file; only one at its usual place may be missing."""
    variable, usual = place
    path = Path(environ.get(variable) or usual)
    for text in _lines(path, missing_ok=str(path) == usual):
        yield _parsed(path, parse, text)


def _parsed(path: Path, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise UsageError("exclude-malformed", f"{path}: {error}") from error


def _lines(path: Path, *, missing_ok: bool) -> list[str]:
    """Return the lines of a file, but empty ones and those that begin with a hash."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
        if len(data) > FILE_LIMIT:
            raise _unreadable(path, f"expected at most {FILE_LIMIT} bytes")
        lines = data.decode("utf-8").splitlines()
    except FileNotFoundError as error:
        if missing_ok:
            return []
        raise _unreadable(path, "no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    return [text for line in lines if (text := line.strip()) and not text.startswith("#")]


def _unreadable(path: Path, reason: str) -> UsageError:
    return UsageError(
        "exclude-unreadable",
        f"{path}: {reason}",
        hint="what it names could be removed without it; mend or empty it",
    )


def _number(environ: Mapping[str, str], name: str) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError("gc-variable", f"{name}: expected a whole number, found {text!r}")
    return int(text)


def _flag(environ: Mapping[str, str], name: str) -> bool | None:
    number = _number(environ, name)
    return None if number is None else number > 0


def _remarks(environ: Mapping[str, str]) -> Iterator[str]:
    for name, instead in _WITHOUT_EFFECT.items():
        if environ.get(name, "0") not in ("", "0"):
            yield f"{name} has no effect here: {instead}"
