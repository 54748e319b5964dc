"""Releases that run services, made in memory: only what the host's side looks at is real."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installer.app.placement import Placement
from installer.app.settings import AppSettings, carried_in, read_settings
from installer.checks.enginefacts import EngineFacts
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.platform import Platform
from manifests.release import BlobRecord, ImageRecord, Release
from manifests.runspec import RunSpec

PRODUCT = "viz"
IMAGE = "docker.io/acme/busybox:1"
NEXT_IMAGE = "docker.io/acme/busybox:2"
SLEEP = ("sh", "-c", "trap 'exit 0' TERM; sleep 9999 & wait")
"""Runs until it is told to stop, and then stops at once."""
SERVE = ("sh", "-c", "trap 'exit 0' TERM; httpd -p 80 -h /etc; sleep 9999 & wait")
"""Serves the files of /etc."""


def digest(text: str) -> Digest:
    return Digest.of(text.encode())


def image_record(name: str) -> ImageRecord:
    blob = BlobRecord(digest=digest(name), size=1, media_type="application/x")
    return ImageRecord(
        name=name,
        written=name,
        platform=Platform.parse("linux/amd64"),
        target=blob.digest,
        manifest=blob,
        config=blob,
        layers=(),
        policy=LayerPolicy.AUTO,
        origin="registry",
    )


def service(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "image": IMAGE, "command": SLEEP, **fields}


def run_spec(*services: Mapping[str, Any], **fields: Any) -> RunSpec:
    given = {"project": PRODUCT, "settle_seconds": 0, "deadline_seconds": 20, **fields}
    return RunSpec.model_validate({**given, "services": tuple(services)})


def release(
    *services: Mapping[str, Any], sequence: int = 1, product: str = PRODUCT, **fields: Any
) -> Release:
    return Release(
        product=product,
        version=f"1.{sequence}",
        sequence=sequence,
        issued=datetime(2026, 1, 1, tzinfo=UTC),
        images=(image_record(IMAGE), image_record(NEXT_IMAGE)),
        run=run_spec(*services, **fields),
    )


def settings_of(home: Path, made: Release) -> AppSettings:
    assert made.run is not None
    return read_settings(home, made.run, carried_in(home / "files"))


def placed(
    made: Release,
    home: Path = Path("/etc/moonlift/apps/viz"),
    *,
    images: Mapping[str, Digest] | None = None,
    facts: EngineFacts | None = None,
    gpus: bool = True,
) -> Placement:
    """Return a placement without any settings, unless there are some in `home`."""
    known = images or {IMAGE: digest("one"), NEXT_IMAGE: digest("two")}
    return Placement(
        settings_of(home, made), known, home / "files", facts or EngineFacts(), gpus=gpus
    )
