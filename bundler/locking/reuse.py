"""What the app wants, resolved, against the lock that lies beside it: old times, or new ones.

A lock whose content did not change keeps its time and sequence, so that the same app builds the
same bundle; any change makes a new release. What of a lock still holds is found in `pins`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bundler.writing.entries import Entry
from manifests.appmanifest.app import App
from manifests.errors import AppManifestError, MoonliftError
from manifests.lock import (
    LOCK_LIMIT,
    Lock,
    LockedFile,
    LockedGpu,
    LockedImage,
    LockedWaiver,
)
from manifests.runspec import RunSpec
from manifests.workload import Workload


def lock_path(app: Path) -> Path:
    """Return where an app manifest's lock lies: `app.lock.json` beside `app.yaml`."""
    return app.with_name(f"{app.stem}.lock.json")


def read_lock(path: Path) -> Lock | None:
    """Return the lock at `path`; None when there is none.

    Raises:
        AppManifestError: `lock-damaged`.
    """
    try:
        with path.open("rb") as file:
            return Lock.read(file.read(LOCK_LIMIT + 1))
    except FileNotFoundError:
        return None
    except (MoonliftError, OSError) as error:
        raise AppManifestError(
            "lock-damaged",
            f"{path}: {error}",
            hint=f"remove it to resolve everything anew: rm {path}",
        ) from error


@dataclass(frozen=True, slots=True)
class Contents:
    """What a lock locks, whenever it is made.

    Attributes:
        images: as resolved.
        files: besides images.
        gpus: that sources ask for.
        workloads: that sources tell of.
        waived: images that are left out.
        selftest: name of the image that proves a host.
        run: what runs.
    """

    images: tuple[LockedImage, ...] = ()
    files: tuple[LockedFile, ...] = ()
    gpus: tuple[LockedGpu, ...] = ()
    workloads: tuple[Workload, ...] = ()
    waived: tuple[LockedWaiver, ...] = ()
    selftest: str | None = None
    run: RunSpec | None = None


def make_lock(app: App, contents: Contents, old: Lock | None) -> Lock:
    """Return the lock for what was resolved, with the number and time of `old` if nothing changed.

    Raises:
        AppManifestError: `sequence-lower`: hosts that have the last release would refuse this one.
    """
    now = build_time()
    new = Lock(
        product=app.name,
        version=app.version,
        sequence=app.sequence or int(now.strftime("%Y%m%d%H%M%S")),
        issued=now,
        expires=app.expires,
        images=contents.images,
        files=contents.files,
        gpus=contents.gpus,
        workloads=contents.workloads,
        waived=contents.waived,
        selftest=contents.selftest,
        run=contents.run,
        prune=app.prune.policy() if app.prune else None,
    )
    if old is None or old.product != new.product:
        return new
    if new.same_content(old) and app.sequence in (None, old.sequence):
        return new.model_copy(update={"sequence": old.sequence, "issued": old.issued})
    if app.sequence is None and new.sequence <= old.sequence:
        return new.model_copy(update={"sequence": old.sequence + 1})
    if new.sequence < old.sequence:
        raise AppManifestError(
            "sequence-lower",
            f"expected a sequence above {old.sequence}, which was built last, found {new.sequence}",
            hint="leave `sequence` out to have it grow by itself, or remove the lock",
        )
    return new


def reused_sequence(new: Lock, old: Lock | None) -> str | None:
    """Return a warning where two different releases have the same number."""
    if (
        old is None
        or new.same_content(old)
        or (new.product, new.sequence) != (old.product, old.sequence)
    ):
        return None
    return (
        f"sequence {new.sequence} was built before with other content: "
        "a host that has that release refuses this one"
    )


def build_time() -> datetime:
    """Return the time that a new lock carries: SOURCE_DATE_EPOCH where it is set, else now.

    Raises:
        AppManifestError: `source-date-epoch`: it is no number of seconds.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise AppManifestError(
            "source-date-epoch", f"SOURCE_DATE_EPOCH: expected seconds since 1970, found {text!r}"
        ) from error


def write_lock(path: Path, lock: Lock) -> None:
    """Write the lock by rename; nothing when it is there already.

    Raises:
        AppManifestError: `lock-unwritable`.
    """
    data = lock.readable()
    try:
        with _alone(path.parent):
            if not path.exists() or path.read_bytes() != data:
                _replace(path, data)
    except OSError as error:
        raise AppManifestError(
            "lock-unwritable",
            f"{path}: {error.strerror or error}",
            hint="the lock lies beside the app manifest: both belong into version control",
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Take turns with other builds of the folder, where its file system has locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    """Replace a file by rename; what a killed run left of it is overwritten."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        _write_through(temporary, data)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_through(path: Path, data: bytes) -> None:
    """Write to the disk itself: a lock lost with the power would lose the sequence."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def locked_files(entries: Sequence[Entry], base: Path) -> tuple[LockedFile, ...]:
    """Return the lock's view of the files that the app carries from below `base`."""
    return tuple(
        LockedFile(
            name=entry.name,
            source=Path(str(entry.content)).relative_to(base).as_posix(),
            digest=entry.digest,
            size=entry.file.size,
            executable=entry.executable,
        )
        for entry in entries
    )
