"""What the app wants, resolved, against the lock that lies beside it: old times, or new ones.

A lock whose content did not change keeps its time and sequence, so that the same app builds the
same bundle; any change makes a new release.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from manifests.app import App

from bundler.entries import Entry
from manifests.errors import AppManifestError, MoonliftError
from manifests.lock import LOCK_LIMIT, Lock, LockedFile, LockedImage


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
    except MoonliftError as error:
        raise AppManifestError(
            "lock-damaged",
            f"{path}: {error}",
            hint=f"remove it to resolve everything anew: rm {path}",
        ) from error


def make_lock(
    app: App, images: Sequence[LockedImage], files: Sequence[LockedFile], old: Lock | None
) -> Lock:
    """Return the lock for what was resolved; `old` itself when nothing changed."""
    now = build_time()
    new = Lock(
        product=app.name,
        version=app.version,
        sequence=app.sequence or int(now.strftime("%Y%m%d%H%M%S")),
        issued=now,
        expires=app.expires,
        images=tuple(images),
        files=tuple(files),
    )
    if old is None or old.product != new.product:
        return new
    if new.same_content(old) and app.sequence in (None, old.sequence):
        return old
    if app.sequence is None and new.sequence <= old.sequence:
        return new.model_copy(update={"sequence": old.sequence + 1})
    return new


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
    except (ValueError, OverflowError) as error:
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
        if path.exists() and path.read_bytes() == data:
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_bytes(data)
        temporary.rename(path)
    except OSError as error:
        raise AppManifestError(
            "lock-unwritable", f"{path}: {error.strerror}", hint="give another with --lock"
        ) from error


def locked_files(entries: Sequence[Entry]) -> tuple[LockedFile, ...]:
    """Return the lock's view of the files that the app carries."""
    return tuple(
        LockedFile(
            name=entry.name,
            source=str(entry.content),
            digest=entry.digest,
            size=entry.file.size,
            executable=entry.executable,
        )
        for entry in entries
    )
