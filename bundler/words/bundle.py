"""Inspections and differences as tables and as JSON."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bundler.verbs.diff import Change, Difference, ImageChange
from bundler.verbs.inspect import ImageSummary, Inspection
from bundler.words.run import run_lines
from bundler.words.waivers import waiver_lines
from manifests.documents import instant_text
from manifests.quantities import bytes_text
from manifests.reference import Reference
from manifests.release import LayerRecord, Release
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue


def table(*columns: str) -> Table:
    """Return an empty table; columns whose names begin with > hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        numeric = column.startswith(">")
        table.add_column(
            column.lstrip(">"),
            justify="right" if numeric else "left",
            no_wrap=numeric,
            overflow="fold",
        )
    return table


def _text(value: object) -> Text:
    return Text(safe_line(str(value)))


def image_text(name: str, facts: str) -> Text:
    """Return an image's name, which may be long, and beneath it what is known of it."""
    return Text(f"{safe_line(_short(Reference.parse(name)))}\n  {safe_line(facts)}")


def _short(reference: Reference) -> str:
    """Return a reference as people know it; of a digest its first figures."""
    if reference.digest is None:
        return reference.familiar
    return reference.familiar.replace(str(reference.digest), f"sha256:{reference.digest.short}")


def heading(release: Release) -> str:
    """Return `viz 1.4.0 (sequence 7, issued ...)`."""
    return safe_line(
        f"{release.product} {release.version} "
        f"(sequence {release.sequence}, issued {instant_text(release.issued)})"
    )


def inspection_view(inspection: Inspection, *, layers: bool = False) -> RenderableType:
    """Return the tables of `bundle inspect`."""
    release = inspection.release
    signers = "\n".join(f"  {fingerprint}" for fingerprint in inspection.fingerprints)
    head = Text(
        f"{heading(release)}\n"
        f"signed by (not checked against any list of trust):\n{signers}\n"
        f"identity {inspection.sums_digest}\n"
        + "".join(f"{line}\n" for line in base_lines(release))
    )
    images = table("image", ">layers", ">size", ">own", ">unpacked")
    for summary in inspection.images:
        images.add_row(*_image_row(summary))
    parts: list[RenderableType] = [head, images]
    if layers:
        parts += [Text(), _layer_table(inspection)]
    if release.carried:
        files = table("file", ">size")
        for file in release.carried:
            files.add_row(_text(file.name), bytes_text(file.size))
        parts += [Text(), files]
    parts += [Text(f"\n{line}") for line in _parity_lines(release)]
    parts += [Text("\n" + "\n".join(waiver_lines(release)))] if release.waived else []
    runs = run_lines(release.run, release.prune)
    parts += [Text("\n" + "\n".join(runs))] if runs else []
    total = sum(blob.size for blob in release.carriers(inspection.layers.values()))
    unpacked = sum(layer.uncompressed for layer in inspection.layers.values())
    parts.append(
        Text(
            f"\n{len(inspection.layers)} distinct layers, {bytes_text(total)} "
            f"({bytes_text(unpacked)} unpacked)"
        )
    )
    return Group(*parts)


def _parity_lines(release: Release) -> list[str]:
    size = sum(file.size for file in release.parity_files)
    return [f"parity {bytes_text(size)}, for `installer repair`"] if release.parity else []


def base_lines(release: Release) -> list[str]:
    """Say what a difference bundle leaves to the host; nothing of a complete one."""
    base = release.base
    if base is None:
        return []
    left = sum(layer.size for layer in base.layers)
    lines = [f"since {base.title}"]
    lines.append(f"  {_count(len(base.layers), 'layer')}, {bytes_text(left)}, left to the host")
    if base.patches:
        size = sum(patch.size for patch in base.patches)
        old = sum(patch.old.size for patch in base.patches)
        patches = _count(len(base.patches), "patch", "es")
        lines.append(f"  {patches}, {bytes_text(size)}, of old layers of {bytes_text(old)}")
    return [safe_line(line) for line in lines]


def _count(count: int, what: str, plural: str = "s") -> str:
    return f"{count} {what}{'' if count == 1 else plural}"


def _image_row(summary: ImageSummary) -> tuple[Text | str, ...]:
    record = summary.record
    return (
        image_text(record.name, f"{record.platform}, {record.image_id.short}, {record.policy}"),
        str(len(record.layers)),
        bytes_text(summary.size),
        bytes_text(summary.own),
        bytes_text(summary.unpacked),
    )


def _layer_table(inspection: Inspection) -> Table:
    listed = table("layer", "diff ID", ">size", ">unpacked", "images")
    for layer in inspection.layers.values():
        users = [
            _short(Reference.parse(image.name))
            for image in inspection.release.images
            if layer.digest in {one.digest for one in image.layers}
        ]
        listed.add_row(
            layer.digest.short,
            layer.diff_id.short,
            _carried_text(inspection.release, layer),
            bytes_text(layer.uncompressed),
            _text(", ".join(dict.fromkeys(users))),
        )
    return listed


def _carried_text(release: Release, layer: LayerRecord) -> str:
    carrier = release.carrier(layer)
    if carrier is None:
        return "left out"
    return ("" if carrier is layer else "patch, ") + bytes_text(carrier.size)


def inspection_json(inspection: Inspection) -> JsonValue:
    """Return what `bundle inspect --json` prints."""
    return {
        "path": inspection.path,
        "identity": str(inspection.sums_digest),
        "fingerprints": list(inspection.fingerprints),
        "images": [
            {
                "name": summary.record.name,
                "platform": str(summary.record.platform),
                "image_id": str(summary.record.image_id),
                "target": str(summary.record.target),
                "size": summary.size,
                "own": summary.own,
                "unpacked": summary.unpacked,
                "layers": [
                    {
                        "digest": str(layer.digest),
                        "diff_id": str(layer.diff_id),
                        "size": layer.size,
                        "carried": sum(one.size for one in inspection.release.carriers([layer])),
                    }
                    for layer in summary.record.layers
                ],
            }
            for summary in inspection.images
        ],
        "release": inspection.release.to_json(),
    }


def difference_view(old: Inspection, new: Inspection, difference: Difference) -> RenderableType:
    """Return the tables of `bundle diff`."""
    head = Text(f"old  {heading(old.release)}\nnew  {heading(new.release)}\n")
    images = table("image", "change", "image ID", ">new layers")
    for item in difference.images:
        images.add_row(
            image_text(item.name, item.platform), str(item.change), _ids(item), _new(item)
        )
    parts: list[RenderableType] = [head, images]
    changed = [item for item in difference.files if item.change is not Change.SAME]
    if changed:
        files = table("file", "change", ">old", ">new")
        for file in changed:
            files.add_row(
                _text(file.name), str(file.change), _size(file.old_size), _size(file.new_size)
            )
        parts += [Text(), files]
    if difference.run:
        parts.append(Text("\n" + "\n".join(safe_line(str(one)) for one in difference.run)))
    parts.append(
        Text(
            f"\n{bytes_text(difference.new_bytes)} new, {bytes_text(difference.gone_bytes)} gone, "
            f"{bytes_text(difference.shared_bytes)} of layers in both"
        )
    )
    return Group(*parts)


def _ids(item: ImageChange) -> str:
    old, new = (one.short if one else "-" for one in (item.old_id, item.new_id))
    return old if old == new else f"{old} >\n{new}"


def _new(item: ImageChange) -> str:
    if not item.new_layers:
        return "-"
    return f"{len(item.new_layers)}, {bytes_text(sum(layer.size for layer in item.new_layers))}"


def _size(size: int | None) -> str:
    return "-" if size is None else bytes_text(size)


def difference_json(difference: Difference) -> JsonValue:
    """Return what `bundle diff --json` prints."""
    return {
        "same": difference.is_empty,
        "new_bytes": difference.new_bytes,
        "gone_bytes": difference.gone_bytes,
        "shared_bytes": difference.shared_bytes,
        "images": [
            {
                "name": item.name,
                "platform": item.platform,
                "change": str(item.change),
                "old_id": str(item.old_id) if item.old_id else None,
                "new_id": str(item.new_id) if item.new_id else None,
                "new_layers": [str(layer.diff_id) for layer in item.new_layers],
                "gone_layers": [str(layer.diff_id) for layer in item.gone_layers],
            }
            for item in difference.images
        ],
        "files": [
            {
                "name": item.name,
                "change": str(item.change),
                "old_size": item.old_size,
                "new_size": item.new_size,
            }
            for item in difference.files
        ],
        "run": [
            {"subject": one.subject, "what": one.what, "old": one.old, "new": one.new}
            for one in difference.run
        ],
    }
