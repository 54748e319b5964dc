"""Damage to a bundle folder, one kind a function, each as small as its kind allows.

`EACH_FILE` has every kind that one file can suffer, by name, to parametrise tests with:

    @pytest.mark.parametrize("kind", EACH_FILE)
    def test_damage_is_refused(bundle, kind):
        for name in files_of(bundle): ...
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path


def files_of(folder: Path) -> list[str]:
    """Return the relative paths of all files below `folder`, sorted."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def copy_of(folder: Path, target: Path) -> Path:
    """Copy a folder, so that the copy can be damaged; return `target`."""
    shutil.copytree(folder, target, symlinks=True)
    return target


def flip(path: Path, offset: int | None = None) -> None:
    """Invert the lowest bit of one byte, by default the middle one; size and time stay."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if offset is None else offset] ^= 1
    _rewrite(path, bytes(data))


def flip_last(path: Path) -> None:
    """Invert the lowest bit of the last byte."""
    flip(path, -1)


def truncate(path: Path) -> None:
    """Cut the last byte off."""
    _rewrite(path, path.read_bytes()[:-1])


def empty(path: Path) -> None:
    """Cut everything off."""
    _rewrite(path, b"")


def extend(path: Path) -> None:
    """Append one zero byte."""
    _rewrite(path, path.read_bytes() + b"\0")


def remove(path: Path) -> None:
    """Delete the file."""
    path.unlink()


def to_symlink(path: Path) -> None:
    """Put the content into the test's home and a symbolic link to it here."""
    aside = Path(tempfile.mkdtemp(dir=Path.home())) / path.name
    shutil.move(path, aside)
    path.symlink_to(aside)


def to_fifo(path: Path) -> None:
    """Put a named pipe here, that blocks whoever opens it carelessly."""
    path.unlink()
    os.mkfifo(path)


def to_folder(path: Path) -> None:
    """Put an empty folder here."""
    path.unlink()
    path.mkdir()


def to_device(path: Path) -> None:
    """Put the device /dev/zero here, that never ends; root only."""
    path.unlink()
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))


_CONTENT = (flip, flip_last, truncate, empty, extend, remove)
_KIND = (to_symlink, to_fifo, to_folder, to_device)
EACH_FILE: Mapping[str, Callable[[Path], None]] = {
    damage.__name__: damage for damage in (*_CONTENT, *_KIND)
}


def add(folder: Path, name: str = "blobs/sha256/" + "0" * 64, data: bytes = b"x") -> Path:
    """Add a file that nobody listed; return its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def swap(one: Path, other: Path) -> None:
    """Exchange the contents of two files."""
    aside = one.with_name(one.name + ".aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _rewrite(path: Path, data: bytes) -> None:
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
