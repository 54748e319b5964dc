"""What goes into the frozen installer, and how: pure lists for `installer.spec`, and two files.

The self-test's libraries are most of the bytes, and only the self-test needs them: they lie in one
archive, `aside.zip`, which `start` unpacks when it is to run it. All else is unpacked at every
start, so that what no verb uses is left out.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

from tools.frozen.glibc import floor_of
from tools.frozen.libraries import FALLBACK, LIBGCC, LIBSTDCXX
from tools.frozen.loader import loader_path

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("installer", "manifests", "selftest")
EXCLUDED: Final = [
    *("bundler", "tests", "hypothesis", "mypy", "mypyc", "ast_serialize", "pytest", "_pytest"),
    *("attr", "attrs", "setuptools", "pkg_resources", "pip", "tkinter", "IPython", "unittest.mock"),
    *("bcrypt", "zstandard.backend_cffi", "zstandard._cffi", "numpy.f2py", "numpy.distutils"),
    *("PIL.ImageQt", "PIL.ImageTk", "PIL._avif", "PIL._webp", "PIL._imagingft", "PIL._imagingcms"),
    *("PIL._imagingtk", "readline", "curses", "_curses", "pydoc"),
]
"""What modules ask for that no verb comes to, and packages of those who develop."""

_OF_SELFTEST: Final = ("numpy", "numpy.libs", "PIL", "pillow.libs", "pyopencl", "pyopencl.libs")
_OF_PYOPENCL: Final = ("libsqlite3.so", "_sqlite3.")
_PATCHED: Final = (*_OF_SELFTEST, "cryptography")
"""Wheels whose libraries were edited after they were linked; strip breaks some."""
_LEXERS: Final = "pygments.lexers."
_KEPT_LEXERS: Final = ("_mapping", "python", "special", "text")

Entry = tuple[str, str, str]
"""Name in the frozen program, file, kind."""


def hidden_imports() -> list[str]:
    """Return the modules that are imported by name only."""
    ours = [name for package in PACKAGES for name in collect_submodules(package)]
    return [*ours, "pyopencl", "PIL.PngImagePlugin"]


def data_files() -> list[tuple[str, str]]:
    """Return our packages' own data, and versions that the self-test reports."""
    found = [pair for package in PACKAGES for pair in collect_data_files(package)]
    for name in ("moonlift", "numpy", "pillow", "pyopencl"):
        found += copy_metadata(name)
    return found


def wanted_modules(modules: Sequence[Entry]) -> list[Entry]:
    """Leave out the syntaxes of a few hundred languages."""
    kept = {_LEXERS + name for name in _KEPT_LEXERS}
    return [one for one in modules if not one[0].startswith(_LEXERS) or one[0] in kept]


def stripped(binaries: Sequence[Entry], folder: Path) -> list[Entry]:
    """Take debug information out of the interpreter and the larger extensions."""
    return [(name, _strip(name, path, folder), kind) for name, path, kind in binaries]


def _strip(name: str, path: str, folder: Path) -> str:
    if name.split("/", maxsplit=1)[0] in _PATCHED or not Path(path).is_file():
        return path
    thin = folder / "stripped" / name
    thin.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", "--strip-unneeded", "-o", thin, path], check=True)
    return str(thin)


def divided(binaries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return what every verb needs, and what only the self-test does."""
    aside = [one for one in binaries if one[2] != "SYMLINK" and _is_aside(one[0])]
    rest = [
        (f"{FALLBACK}/{name}" if name == LIBGCC else name, path, kind)
        for name, path, kind in binaries
        if (name, path, kind) not in aside
    ]
    # A link's second word is what it leads to: those to what is unpacked later would lead nowhere.
    return [one for one in rest if one[2] != "SYMLINK" or not _is_aside(one[1])], aside


def _is_aside(name: str) -> bool:
    first, last = name.split("/", maxsplit=1)[0], name.rpartition("/")[2]
    return first in _OF_SELFTEST or last.startswith((*_OF_PYOPENCL, LIBSTDCXX))


def packed_aside(aside: Sequence[Entry], folder: Path) -> list[Entry]:
    """Write the self-test's libraries into one archive; the host's own go before some of them."""
    path = folder / "aside.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, source, _ in sorted(aside):
            place = f"{FALLBACK}/{name}" if name == LIBSTDCXX else name
            archive.writestr(zipfile.ZipInfo(place), Path(source).read_bytes())
    return [(path.name, str(path), "DATA")]


def facts(binaries: Sequence[Entry], folder: Path) -> list[Entry]:
    """Write down what the file needs of a host, for `--version`."""
    files = [(name, path) for name, path, kind in binaries if kind != "SYMLINK"]
    floor = floor_of([*files, ("the loader", str(loader_path()))])
    path = folder / "frozen.json"
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "glibc": floor.version,
        "because": list(floor.because),
        "files": floor.files,
    }
    path.write_text(json.dumps(document, indent=1))
    sys.stderr.write(f"freeze: glibc {floor.version}, for {', '.join(floor.because[:5])}\n")
    return [(path.name, str(path), "DATA")]
