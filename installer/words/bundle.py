"""Bundles and plans in words and as JSON; pure, prints nothing.

Both forms are made from the same values here, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from installer.words.app import (
    app_json,
    app_lines,
    files_lines,
    labels,
    prune_lines,
    row,
    wrapped,
)
from installer.words.results import layers_text, short_name
from installer.words.space import room_json, room_lines
from manifests.documents import instant_text
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:  # `verify` says all this without loading what makes plans
    from installer.delta.needs import Regain
    from installer.engines.base import EngineInfo
    from installer.engines.namechange import NameChange
    from installer.plan import Plan
    from installer.verify import VerifiedBundle
    from manifests.release import Release


def bundle_lines(verified: VerifiedBundle) -> Iterator[str]:
    """Say who signed what, and how old it is: what a person must see first."""
    release = verified.release
    for signer in verified.signers:
        yield row("fingerprint", signer.fingerprint)
        yield row("signer", signer.principal)
    yield row("product", release.product)
    yield row("version", release.version)
    yield row("sequence", f"{release.sequence} ({verified.verdict.standing} on this host)")
    if release.base is not None:
        yield row("new since", release.base.title)
    yield row("age", f"{age_text(verified.verdict.age)}, made {instant_text(release.issued)}")
    if release.expires is not None:
        yield row("expires", instant_text(release.expires))
    for ignored in verified.sealed.check.ignored:
        yield row("not counted", f"signature {ignored.position}: {ignored.reason}")
    for warning in verified.verdict.warnings:
        yield row("warning", warning.text)
    yield from _waived_lines(release)
    if release.selftest is not None:
        yield row("self-test", safe_line(release.selftest))
    if verified.sealed.medium.litter:
        yield row("left alone", ", ".join(verified.sealed.medium.litter))


def _waived_lines(release: Release) -> Iterator[str]:
    """Say what the app names and the bundle does not hold, and why, in its makers' words."""
    if release.waived:
        yield row("waived", "named by the app, and not in this bundle:")
    for waived in release.waived:
        words = safe_line(f"{waived.image}: {waived.reason}")
        yield from wrapped("", words)


def bundle_json(verified: VerifiedBundle) -> dict[str, JsonValue]:
    """Return the same for programs."""
    release, check = verified.release, verified.sealed.check
    return {
        "signers": [
            {"principal": one.principal, "fingerprint": one.fingerprint} for one in check.accepted
        ],
        "not_counted": [
            {"position": one.position, "code": one.code, "reason": one.reason}
            for one in check.ignored
        ],
        "threshold": check.threshold,
        "product": release.product,
        "version": release.version,
        "sequence": release.sequence,
        "standing": str(verified.verdict.standing),
        "issued": instant_text(release.issued),
        "base": None if release.base is None else release.base.title,
        "expires": None if release.expires is None else instant_text(release.expires),
        "age_seconds": int(verified.verdict.age.total_seconds()),
        "sums": str(verified.sealed.sums_digest),
        "warnings": [{"code": one.code, "text": one.text} for one in verified.verdict.warnings],
        "waived": [{"image": one.image, "reason": one.reason} for one in release.waived],
        "selftest": release.selftest,
        "litter": list(verified.sealed.medium.litter),
    }


def plan_lines(plan: Plan) -> Iterator[str]:
    """Say what will be done."""
    yield row("engine", _engine(plan.info))
    if plan.info.root is not None:
        yield row("", f"in {plan.info.root}")
    there = len(plan.images) - len(plan.deliveries)
    yield row("images", f"{len(plan.images)}: {there} there, {len(plan.deliveries)} to load")
    for one in plan.deliveries:
        size = bytes_text(plan.brought_bytes(one))
        some = f"{len(one.missing)} of {layers_text(len(one.image.layers))}"
        yield row("", f"{short_name(one.image.name)}: {some}, {size}")
    if plan.deliveries:
        yield row("to read", f"{bytes_text(plan.read_bytes)}, {_unpacked(plan)}")
        if plan.regain is not None:
            yield from wrapped("from here", regain_text(plan.regain))
        yield from room_lines(plan.room)
    if plan.app is not None:
        yield from files_lines(plan.placed_files, plan.app.folder)
    yield from app_lines(plan.app, plan.proof)
    for label, change in zip(labels("names"), shown_names(plan), strict=False):
        yield row(label, f"{short_name(change.name)}: {move_text(change)}")
    if plan.starting is not None:
        yield from prune_lines(plan.verified.release.prune, plan.outgrown)


def plan_json(plan: Plan) -> dict[str, JsonValue]:
    """Return the same for programs."""
    info = plan.info
    return {
        "engine": {
            "name": plan.engine.name,
            "kind": info.kind,
            "version": info.version,
            "store": str(info.store),
            "driver": info.driver,
            "platform": str(info.platform) if info.platform else None,
            "root": str(info.root) if info.root else None,
        },
        "images": [
            {
                "name": image.name,
                "identity": str(info.store.identity(image)),
                "missing_layers": [
                    str(layer.digest)
                    for one in plan.deliveries
                    if one.image is image
                    for layer in one.missing
                ],
                "there": all(one.image is not image for one in plan.deliveries),
            }
            for image in plan.images
        ],
        "names": [
            {"name": one.name, "old": str(one.old) if one.old else None, "new": str(one.new)}
            for one in shown_names(plan)
        ],
        "read_bytes": plan.read_bytes,
        "unpack_bytes": plan.unpack_bytes,
        "old_layer_bytes": plan.regain.copied_bytes if plan.regain is not None else 0,
        "checked_bytes": plan.checked_bytes,
        **room_json(plan.room),
        "outgrown": list(plan.outgrown.versions),
        "outgrown_bytes": plan.outgrown.size,
        "files_bytes": sum(one.size for one in plan.placed_files),
        **app_json(plan.app, plan.proof),
        "nothing_to_do": plan.nothing_to_do,
    }


def regain_text(regain: Regain) -> str:
    """Say what a difference bundle takes from this host."""
    found = [f"{layers_text(len(regain.copied))} of the engine"] if regain.copied else []
    found += ["what the old bundle has"] if regain.old is not None else []
    return " and ".join(found) + f", {bytes_text(regain.copied_bytes)} copied for a while"


def shown_names(plan: Plan) -> list[NameChange]:
    """Return the changes that matter to people: not the names that only keep images."""
    return [change for change in plan.names if not change.ours]


def move_text(change: NameChange) -> str:
    """Say from where to where a name moves."""
    return f"{change.old.short if change.old else 'new'} -> {change.new.short}"


def age_text(age: timedelta) -> str:
    """Return an age as people say it."""
    if age.days >= 2:
        return f"{age.days} days"
    hours = max(0, int(age.total_seconds())) // 3600
    return f"{hours} hours" if hours >= 2 else "less than two hours"


def _engine(info: EngineInfo) -> str:
    return safe_line(
        " ".join((info.kind, info.version, f"({info.store}, {info.driver})")).replace("  ", " ")
    )


def _unpacked(plan: Plan) -> str:
    return f"{bytes_text(plan.unpack_bytes)} unpacked" if plan.info.store.unpacks else "as they are"
