"""The closing words of a build, and the same as JSON."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from bundler.build import BuildReport
from bundler.words.bundle import base_lines, heading, image_text, table
from manifests.quantities import bytes_text, seconds_text
from manifests.release import Release
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue


def report_view(report: BuildReport) -> RenderableType:
    """Return the closing words of `bundle build`."""
    images = table("image", "layers", ">size")
    for image in report.release.images:
        images.add_row(
            image_text(image.name, f"{image.platform}, from {image.origin}"),
            f"{len(image.layers)} {image.policy}",
            bytes_text(sum(blob.size for blob in report.release.carriers(image.layers))),
        )
    lines = [
        "",
        f"{heading(report.release)}",
        (
            f"  size    {bytes_text(report.size)}, layers at their source "
            f"{bytes_text(report.source_size)}"
        ),
        *(f"  {line}" for line in base_lines(report.release)),
        *_pruned_lines(report),
        *_parity_lines(report.release),
        *(safe_line(f"  waived  {one.image}: {one.reason}") for one in report.release.waived),
        *_selftest_lines(report.release),
        *_run_lines(report.release),
        *(f"  signed  {fingerprint}" for fingerprint in report.signers),
        f"  time    {seconds_text(report.seconds)}",
    ]
    return Group(images, Text("\n".join(lines)))


def _parity_lines(release: Release) -> list[str]:
    if release.parity is None:
        return []
    size = sum(file.size for file in release.parity_files)
    run = len(release.parity.parity) * release.parity.length
    return [f"  parity  {bytes_text(size)} restore up to {bytes_text(run)} that are lost"]


def _selftest_lines(release: Release) -> list[str]:
    return [safe_line(f"  proves  a host: {release.selftest}")] if release.selftest else []


def _run_lines(release: Release) -> list[str]:
    if release.run is None:
        return []
    names = ", ".join(service.name for service in release.run.services)
    must = ", ".join(one.name for one in release.run.variables if one.required)
    lines = [f"  runs    {names}", *([f"  needs   {must}, set on the host"] if must else [])]
    return [safe_line(line) for line in lines]


def path_lines(report: BuildReport) -> list[str]:
    """Return where the bundle is; lines to be left whole, however long."""
    return [f"  wrote   {safe_line(str(path))}" for path in report.paths]


def _pruned_lines(report: BuildReport) -> list[str]:
    lines = []
    if report.pruned.left_out:
        unknown = sum(item.size is None for item in report.pruned.left_out)
        doubt = f" ({unknown} of unknown size)" if unknown else ""
        lines.append(
            f"  pruned  {bytes_text(report.pruned.size)} of {len(report.pruned.left_out)} "
            f"other platforms and attestations{doubt}"
        )
    if report.pruned.shared:
        lines.append(f"  shared  {bytes_text(report.pruned.shared)} of layers stored once")
    return lines


def report_json(report: BuildReport) -> JsonValue:
    """Return what `bundle build --json` prints."""
    return {
        "paths": [str(path) for path in report.paths],
        "product": report.release.product,
        "version": report.release.version,
        "sequence": report.release.sequence,
        "size": report.size,
        "base": report.release.base.title if report.release.base else None,
        "source_size": report.source_size,
        "seconds": round(report.seconds, 3),
        "signers": list(report.signers),
        "images": [
            {
                "name": image.name,
                "platform": str(image.platform),
                "image_id": str(image.image_id),
                "target": str(image.target),
                "origin": image.origin,
                "source_digest": str(image.source_digest) if image.source_digest else None,
                "policy": str(image.policy),
            }
            for image in report.release.images
        ],
        "waived": [{"image": one.image, "reason": one.reason} for one in report.release.waived],
        "selftest": report.release.selftest,
        "parity": sum(file.size for file in report.release.parity_files),
        "pruned": {
            "size": report.pruned.size,
            "shared": report.pruned.shared,
            "left_out": [
                {"image": item.image, "what": item.what, "size": item.size}
                for item in report.pruned.left_out
            ],
        },
    }
