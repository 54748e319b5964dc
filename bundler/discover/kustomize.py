"""The images of a kustomization, rendered by `kustomize build` or `kubectl kustomize`.

Owns the choice of the program and its arguments. Nothing that a kustomization says is read here:
its transformers, components and generators are kustomize's business. Places are lines of the
program's output, as `kustomize:overlays/prod:37`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from bundler.discover.folder import DiskFolder, join
from bundler.discover.found import Found, Place, Problem
from bundler.discover.kubernetes import discover_text
from bundler.discover.render import RenderFailed, find_program, render
from manifests.appmanifest.sources import KustomizeSource
from manifests.safetext import safe_line

FILES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""Names of the file that makes a folder a kustomization."""

_PROGRAMS: Final = (("kustomize", "build"), ("kubectl", "kustomize"))
_HELM_WANTED: Final = "--enable-helm"
_KUBECTL_FRAME = re.compile(r'\AE[0-9]{4} [^"]{1,80}"command failed" err=<|>\s*\Z')


def discover(source: KustomizeSource, folder: DiskFolder) -> Found:
    """Return what the rendered kustomization tells.

    Args:
        source: the kustomization's folder.
        folder: that its path is relative to.
    """
    path = source.kustomize
    if not any(folder.is_file(join(path, name)) for name in FILES):
        message = "expected a folder with kustomization.yaml, found none"
        return _problem(path, "kustomize-not-found", message, "check the path under `kustomize:`")
    for program, verb in _PROGRAMS:
        if (found := find_program(program)) is not None:
            return _rendered(source, folder, (found, verb))
    message = "expected `kustomize` or `kubectl` on PATH to render this, found neither"
    return _problem(path, "kustomize-missing", message, _elsewhere(path, "where one is installed"))


def _rendered(source: KustomizeSource, folder: DiskFolder, command: Sequence[str]) -> Found:
    path = source.kustomize
    try:
        output = render((*command, "--", f"./{path}"), folder.base)
    except RenderFailed as error:
        said = _KUBECTL_FRAME.sub("", str(error)).strip()
        option = _HELM_WANTED if _HELM_WANTED in said else ""
        hint = _elsewhere(path, "where it may use the network, which it may not here", option)
        message = f"expected a kustomization that renders: {said}"
        return _problem(path, "kustomize-failed", message, hint)
    return discover_text(output, f"kustomize:{path}", source.image_paths)


def _elsewhere(path: str, where: str, option: str = "") -> str:
    command = f"kustomize build {option} {shlex.quote(path)}".replace("  ", " ")
    return f"run `{command} > rendered.yaml` {where}, and name `kubernetes: rendered.yaml` instead"


def _problem(path: str, code: str, message: str, hint: str) -> Found:
    shown = safe_line(message, limit=2000)
    return Found(problems=(Problem(Place(path, 1), code, shown, hint),))
