"""Bundles and plans in words and as JSON; pure, prints nothing.

Both forms are made from the same values here, so that they can't disagree.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from installer.results import LABEL, layers_text, short_name
from manifests.documents import instant_text
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:  # `verify` says all this without loading what makes plans
    from installer.engines.base import EngineInfo
    from installer.plan import NameChange, Plan
    from installer.verify import VerifiedBundle
    from manifests.release import Release

WIDTH: int = 80
"""Columns of what is broken into lines."""


def bundle_lines(verified: VerifiedBundle) -> Iterator[str]:
    """Say who signed what, and how old it is: what a person must see first."""
    release = verified.release
    for signer in verified.signers:
        yield _row("fingerprint", signer.fingerprint)
        yield _row("signer", signer.principal)
    yield _row("product", release.product)
    yield _row("version", release.version)
    yield _row("sequence", f"{release.sequence} ({verified.verdict.standing} on this host)")
    yield _row("age", f"{age_text(verified.verdict.age)}, made {instant_text(release.issued)}")
    if release.expires is not None:
        yield _row("expires", instant_text(release.expires))
    for ignored in verified.sealed.check.ignored:
        yield _row("not counted", f"signature {ignored.position}: {ignored.reason}")
    for warning in verified.verdict.warnings:
        yield _row("warning", warning.text)
    yield from _waived_lines(release)
    if release.selftest is not None:
        yield _row("self-test", safe_line(release.selftest))
    if verified.sealed.medium.litter:
        yield _row("left alone", ", ".join(verified.sealed.medium.litter))


def _waived_lines(release: Release) -> Iterator[str]:
    """Say what the app names and the bundle does not hold, and why, in its makers' words."""
    if release.waived:
        yield _row("waived", "named by the app, and not in this bundle:")
    for waived in release.waived:
        words = safe_line(f"{waived.image}: {waived.reason}")
        yield from (_row("", line) for line in textwrap.wrap(words, WIDTH - LABEL))


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
    yield _row("engine", _engine(plan.info))
    if plan.info.root is not None:
        yield _row("", f"in {plan.info.root}")
    there = len(plan.images) - len(plan.deliveries)
    yield _row("images", f"{len(plan.images)}: {there} there, {len(plan.deliveries)} to load")
    for one in plan.deliveries:
        size = bytes_text(sum(layer.size for layer in one.missing))
        some = f"{len(one.missing)} of {layers_text(len(one.image.layers))}"
        yield _row("", f"{short_name(one.image.name)}: {some}, {size}")
    if plan.deliveries:
        yield _row("to read", f"{bytes_text(plan.read_bytes)}, {_unpacked(plan)}")
        yield _row("space", _space(plan))
    for label, change in zip(_labels("names"), shown_names(plan), strict=False):
        yield _row(label, f"{short_name(change.name)}: {_move(change)}")


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
        "need_bytes": plan.need,
        "free_bytes": plan.free,
        "nothing_to_do": plan.nothing_to_do,
    }


def shown_names(plan: Plan) -> list[NameChange]:
    """Return the changes that matter to people: not the names that only keep images."""
    return [change for change in plan.names if not change.ours]


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


def _space(plan: Plan) -> str:
    free = "unknown, it can't be seen from here" if plan.free is None else bytes_text(plan.free)
    return f"{bytes_text(plan.need)} needed, free: {free}"


def _labels(first: str) -> Iterator[str]:
    yield first
    while True:
        yield ""


def _move(change: NameChange) -> str:
    return f"{change.old.short if change.old else 'new'} -> {change.new.short}"


def _row(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{safe_line(text)}"
