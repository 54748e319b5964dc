"""`bundle selftest-image`: the self-test's image, built by the local engine on a base of one's own.

Owns the build's context, which is the installed package `selftest` with its Dockerfile, and the
reading of the engine's answer. The package itself is never imported: it is only carried.
"""

from __future__ import annotations

import io
import re
import tarfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import docker

from bundler.sources.dockerengine import explained
from manifests import __version__
from manifests.digest import Digest, MalformedDigest
from manifests.errors import SourceFailed, UsageError
from manifests.quantities import seconds_text
from manifests.reference import Reference
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

DEFAULT_NAME: Final = f"moonlift-selftest:{__version__}"
"""What the image is called unless told otherwise."""
PROXIES: Final = ("http_proxy", "https_proxy", "no_proxy", "ftp_proxy", "all_proxy")
"""Variables that every builder takes without a declaration, in small letters and capitals."""

SITE: Final = "site"
"""Folder of the context with packages that no Debian package has; the Dockerfile names it, too."""

_PYCUDA_FILE: Final = re.compile(r"(pycuda|pycuda-[0-9.]+\.dist-info)(/[\w.-]*\w)+", re.ASCII)
_WHEEL_BYTES: Final = 64 * 1024**2
_QUOTED_LINES: Final = 12
_LINE: Final = 300
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What a person asked for.

    Attributes:
        base: image to stand on: a Debian 12 or later, or a descendant of one.
        name: what to call the result.
        network: the engine's network for the build; empty for its default.
        environ: of the process: proxies are handed on.
        pycuda: wheel of pycuda for the base's Python; None to leave pycuda out.
    """

    base: str
    name: str = DEFAULT_NAME
    network: str = ""
    pycuda: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SelftestImage:
    """What was built.

    Attributes:
        name: full reference.
        image_id: what the engine calls it.
        base: full reference of what it stands on.
        seconds: wall time.
    """

    name: str
    image_id: Digest
    base: str
    seconds: float


def build_image(
    request: ImageRequest, client: docker.DockerClient, tell: Callable[[str], object]
) -> SelftestImage:
    """Build the image; takes minutes the first time.

    Args:
        request: what was asked for.
        client: of the engine; left open.
        tell: called with each line that the engine says.

    Raises:
        UsageError: `image-name`: a name that carries a digest, which no build can promise;
            `pycuda-wheel`: not a wheel of pycuda.
        MalformedReference: a name that is none.
        SourceFailed: `engine-unreachable`, `engine-failed`, `selftest-image-failed`.
    """
    started = time.monotonic()
    base, name = Reference.parse(request.base), _name(request.name)
    api: Any = client.api
    with explained():
        answer = api.build(
            fileobj=io.BytesIO(build_context(package_folder(), request.pycuda)),
            custom_context=True,
            tag=name.tagged,
            buildargs={"BASE": request.base, **_proxies(request.environ)},
            network_mode=request.network or None,
            rm=True,
            forcerm=True,
            decode=True,
        )
        image_id = read_answer(answer, tell)
    return SelftestImage(str(name), image_id, str(base), time.monotonic() - started)


def image_lines(image: SelftestImage) -> Iterator[str]:
    """Say what was built and what to do with it."""
    name = Reference.parse(image.name).familiar
    yield f"built {name} (sha256:{image.image_id.short}) in {seconds_text(image.seconds)}"
    yield f"next: bundle build app.yaml -k KEY --selftest {name}"


def image_json(image: SelftestImage) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "name": image.name,
        "image_id": str(image.image_id),
        "base": image.base,
        "seconds": round(image.seconds, 3),
    }


def package_folder() -> Path:
    """Return the folder of the package `selftest`, from a source tree or an installed wheel.

    Raises:
        SourceFailed: `selftest-image-failed`: it is not installed as files.
    """
    found = find_spec("selftest")
    folder = Path(found.origin).parent if found and found.origin else None
    if folder is None or not (folder / "Dockerfile").is_file():
        raise SourceFailed(
            "selftest-image-failed",
            "expected the package selftest with its Dockerfile beside this program, found none",
            hint="install moonlift from its wheel or run it from its source tree",
        )
    return folder


def build_context(folder: Path, wheel: Path | None = None) -> bytes:
    """Return the files of a build as a tar; the same files make the same bytes.

    Compiled files stay behind; so does what the builder alone reads, except the Dockerfile. What is
    in the wheel comes below `site`.
    """
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}
    if wheel is not None:
        files |= {f"{SITE}/{name}": data for name, data in read_pycuda(wheel).items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def read_pycuda(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel of pycuda by their names.

    Raises:
        UsageError: `pycuda-wheel`: it is none.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            listed = [one for one in archive.infolist() if not one.is_dir()]
            if sum(one.file_size for one in listed) > _WHEEL_BYTES:
                raise _no_pycuda(wheel, f"more than {_WHEEL_BYTES} bytes")
            files = {one.filename: archive.read(one) for one in listed}
    except (OSError, zipfile.BadZipFile) as error:
        raise _no_pycuda(wheel, str(error)) from error
    strange = [name for name in files if not _PYCUDA_FILE.fullmatch(name)]
    if strange or not any(name.startswith("pycuda/_driver.") for name in files):
        raise _no_pycuda(wheel, f"the file {strange[0]}" if strange else "no pycuda/_driver")
    return files


def read_answer(lines: Iterable[Mapping[str, Any]], tell: Callable[[str], object]) -> Digest:
    """Read what the engine says of a build, and return the ID of the image that it made.

    Raises:
        SourceFailed: `selftest-image-failed`, with the last lines before the end.
    """
    made: Digest | None = None
    said: deque[str] = deque(maxlen=_QUOTED_LINES)
    for line in lines:
        for text in _texts(line):
            said.append(text)
            tell(text)
        if error := line.get("error"):
            raise _failed(str(error), said)
        made = _made(line) or made
    if made is None:
        raise _failed("the engine names no image", said)
    return made


def _name(text: str) -> Reference:
    name = Reference.parse(text)
    if name.digest is not None:
        raise UsageError(
            "image-name",
            f"expected a name with a tag, found {safe_line(text, limit=_LINE)}",
            hint=f"such as --name {DEFAULT_NAME}",
        )
    return name


def _no_pycuda(wheel: Path, found: str) -> UsageError:
    return UsageError(
        "pycuda-wheel",
        f"expected a wheel of pycuda at {safe_line(str(wheel), limit=_LINE)},"
        f" found {safe_line(found, limit=_LINE)}",
        hint="make cuda builds it; its Python must be the base's",
    )


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.lower() in PROXIES}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def _texts(line: Mapping[str, Any]) -> Sequence[str]:
    """Return the lines that the engine says, safe to show and without its colours."""
    said = _COLOURS.sub("", str(line.get("stream") or line.get("status") or ""))
    return [safe_line(one, limit=_LINE) for one in said.splitlines() if one.strip()]


def _made(line: Mapping[str, Any]) -> Digest | None:
    told = line.get("aux")
    try:
        return Digest.parse(str(told["ID"])) if isinstance(told, Mapping) else None
    except (KeyError, MalformedDigest):
        return None


def _failed(reason: str, said: Iterable[str]) -> SourceFailed:
    quoted = "".join(f"\n  {line}" for line in said)
    return SourceFailed(
        "selftest-image-failed",
        f"the engine could not build it: {safe_line(reason, limit=1000)}{quoted}",
        hint="the base must be a Debian 12 or later whose package source this engine can reach;"
        " --network host if only the host itself reaches it",
    )
