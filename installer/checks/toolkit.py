"""Is NVIDIA's container toolkit there, and set up for the engine that there is."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, unknown
from installer.checks.sources import Sources

MISSING: Final = Cause(
    "missing",
    Severity.FAIL,
    "none of the toolkit's programs is installed",
    "Install nvidia-container-toolkit (bring its packages on a drive), then nvidia-ctk runtime"
    " configure --runtime=docker; systemctl restart docker.",
)
PARTIAL: Final = Cause(
    "partial",
    Severity.WARN,
    "some of the toolkit's programs are missing",
    "Install every package of nvidia-container-toolkit, all of one version: {missing} missing.",
)
CONFIG: Final = Cause(
    "malformed",
    Severity.FAIL,
    "the toolkit's config.toml can't be parsed",
    "Write it anew: nvidia-ctk config --in-place=false > /etc/nvidia-container-runtime/config.toml,"
    " then set what you had changed.",
)
NO_CGROUPS_SET: Final = Cause(
    "set-on-rootful",
    Severity.FAIL,
    "no-cgroups = true with an engine that runs as root: containers may not open the GPU",
    "nvidia-ctk config --set nvidia-container-cli.no-cgroups=false --in-place",
)
NO_CGROUPS_UNSET: Final = Cause(
    "unset-on-rootless",
    Severity.FAIL,
    "no-cgroups is not true with a rootless engine: containers don't start with a GPU",
    "nvidia-ctk config --set nvidia-container-cli.no-cgroups=true --in-place, or use CDI.",
)
PROGRAMS: Final = (
    "nvidia-container-runtime",
    "nvidia-container-runtime-hook",
    "nvidia-container-cli",
    "nvidia-ctk",
)
CONFIG_FILE: Final = "/etc/nvidia-container-runtime/config.toml"
_FOLDERS: Final = ("/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/opt/bin")


def programs(sources: Sources) -> tuple[str, ...]:
    """Return which of the toolkit's programs are installed."""
    return tuple(
        name
        for name in PROGRAMS
        if any(sources.files.exists(f"{folder}/{name}") for folder in _FOLDERS)
    )


def _present(sources: Sources) -> Iterator[Finding]:
    found = programs(sources)
    missing = ", ".join(name for name in PROGRAMS if name not in found)
    if not found:
        yield MISSING.found(f"none of {', '.join(PROGRAMS)} in {', '.join(_FOLDERS)}")
    elif missing:
        yield PARTIAL.found(f"found {', '.join(found)}", missing=missing)
    else:
        yield fine(f"found {', '.join(found)}")


def _no_cgroups(sources: Sources) -> Iterator[Finding]:
    text = sources.files.text(CONFIG_FILE)
    if text is None:
        yield noted(f"no {CONFIG_FILE}: the toolkit's defaults hold")
        return
    try:
        setting = _setting(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        yield CONFIG.found(f"{CONFIG_FILE}: {error}")
        return
    yield _judged(sources, on=setting)


def _setting(document: Mapping[str, Any]) -> bool:
    section = document.get("nvidia-container-cli")
    return isinstance(section, Mapping) and section.get("no-cgroups") is True


def _judged(sources: Sources, *, on: bool) -> Finding:
    evidence = f"{CONFIG_FILE}: no-cgroups is {'true' if on else 'not true'}"
    if not sources.engine.answered:
        return unknown(f"{evidence}; no engine says whether it is rootless")
    if on and not sources.engine.rootless:
        return NO_CGROUPS_SET.found(f"{evidence}, the engine runs as root")
    if sources.engine.rootless and not on:
        return NO_CGROUPS_UNSET.found(f"{evidence}, the engine is rootless")
    return fine(evidence)


CHECKS: Final = (
    Check(
        "ctk.present",
        Topic.GPU,
        "the toolkit's programs in the usual folders",
        (MISSING, PARTIAL),
        _present,
    ),
    Check(
        "ctk.no_cgroups",
        Topic.GPU,
        f"{CONFIG_FILE}; SecurityOptions of the engine",
        (CONFIG, NO_CGROUPS_SET, NO_CGROUPS_UNSET),
        _no_cgroups,
    ),
)
