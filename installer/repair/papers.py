"""What a repair believes: a signed list of files, its signatures, and release.json by that list.

Owns where each of them is taken from: the bundle itself, or another copy where the bundle's own is
damaged. Parity can't restore them, since it is described by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from installer.repair.places import Place
from manifests.bundle import layout
from manifests.bundle.parityrecord import SIZED
from manifests.bundle.sums import MAX_BYTES, Sums, signature_name
from manifests.digest import Digest
from manifests.errors import BundleRefused, MoonliftError
from manifests.release import RELEASE_LIMIT, Release
from manifests.seals.listing import Judge
from manifests.seals.seal import SMALL_FILE_LIMIT
from manifests.seals.signers import SealCheck
from manifests.seals.sshsig import MAX_SIGNATURE_BYTES, MAX_SIGNATURES, Signature, verify


@dataclass(frozen=True, slots=True)
class Papers:
    """The documents that everything else is proved by.

    Attributes:
        files: name and bytes of SHA256SUMS, the signatures and release.json, in this order.
        sums: every file and its digest.
        identity: digest of SHA256SUMS.
        release: what the bundle holds.
        check: who signed.
        sizes: bytes of the documents whose sizes are in no other.
        foreign: names of those that were not taken from the bundle itself.
    """

    files: tuple[tuple[str, bytes], ...] = field(repr=False)
    sums: Sums = field(repr=False)
    identity: Digest
    release: Release = field(repr=False)
    check: SealCheck
    sizes: dict[str, int]
    foreign: tuple[str, ...]


def find_papers(bundle: Place, others: Sequence[Place], judge: Judge) -> Papers:
    """Find the signed list and what it needs, in the bundle or in other copies.

    Raises:
        BundleRefused: `repair-papers`: one is damaged everywhere; `repair-other-release`; or why
            no list counts as signed.
    """
    places = (bundle, *others)
    raw, check = _find_list(places, judge)
    sums = Sums.parse(raw)
    document = _by_digest(places, layout.RELEASE, sums, RELEASE_LIMIT)
    release = Release.read(document)
    if read_whole(bundle, layout.SUMS, MAX_BYTES) != raw:
        _refuse_other_release(bundle, release)
    signatures = tuple(_signatures(places, raw))
    files = ((layout.SUMS, raw), *signatures, (layout.RELEASE, document))
    return Papers(
        files=files,
        sums=sums,
        identity=Digest.of(raw),
        release=release,
        check=check,
        sizes=_sizes(places, release, sums),
        foreign=tuple(name for name, data in files if read_whole(bundle, name, MAX_BYTES) != data),
    )


def read_whole(place: Place, name: str, limit: int) -> bytes | None:
    """Return a small file as it is, holes as zeros; None where there is none or it is too large."""
    size = place.size(name)
    if size is None or size > limit:
        return None
    data = bytearray(size)
    place.file(name, size).read(0, memoryview(data))
    return bytes(data)


def _find_list(places: Sequence[Place], judge: Judge) -> tuple[bytes, SealCheck]:
    """Return the first list that trusted keys have signed, whichever copy has the signatures."""
    signatures = [data for place in places for _, data in _signature_files(place)]
    refusal: MoonliftError | None = None
    for place in places:
        raw = read_whole(place, layout.SUMS, MAX_BYTES)
        if raw is None:
            continue
        own = [data for _, data in _signature_files(place)]
        for tried in (own, signatures[:MAX_SIGNATURES]):
            try:
                return raw, judge(raw, tried)
            except BundleRefused as error:
                refusal = refusal or error
    raise _lost(layout.SUMS, refusal)


def _lost(name: str, cause: MoonliftError | None = None) -> BundleRefused:
    why = f": {cause}" if cause else ""
    return BundleRefused(
        "repair-papers",
        f"{name} is missing, damaged or not signed by a trusted key, and parity can't restore it"
        f"{why}",
        hint="give another copy of the bundle with --from, be that damaged elsewhere",
        file=name,
    )


def _signature_files(place: Place) -> Iterator[tuple[str, bytes]]:
    for number in range(1, MAX_SIGNATURES + 1):
        name = signature_name(number)
        data = read_whole(place, name, MAX_SIGNATURE_BYTES)
        if data is not None:
            yield name, data


def _signatures(places: Sequence[Place], raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each signature as the first copy has it that holds, else as the bundle has it.

    Raises:
        BundleRefused: `repair-papers`: one between others is nowhere.
    """
    held = [dict(_signature_files(place)) for place in places]
    known = [_best(signature_name(n), held, raw) for n in range(1, MAX_SIGNATURES + 1)]
    while known and known[-1] is None:
        known.pop()
    for number, data in enumerate(known, start=1):
        if data is None:
            raise _lost(signature_name(number))
        yield signature_name(number), data


def _best(name: str, held: Sequence[Mapping[str, bytes]], raw: bytes) -> bytes | None:
    found = (one[name] for one in held if name in one)
    return next((data for data in found if _is_sound(data, raw)), held[0].get(name))


def _is_sound(data: bytes, raw: bytes) -> bool:
    try:
        verify(Signature.parse(data), raw)
    except BundleRefused:
        return False
    return True


def _by_digest(places: Sequence[Place], name: str, sums: Sums, limit: int) -> bytes:
    for place in places:
        data = read_whole(place, name, limit)
        if data is not None and name in sums.files and Digest.of(data) == sums.files[name]:
            return data
    raise _lost(name)


def _refuse_other_release(bundle: Place, release: Release) -> None:
    """Refuse to make one release of another, where the bundle still says which one it is."""
    raw = read_whole(bundle, layout.RELEASE, RELEASE_LIMIT)
    try:
        found = Release.read(raw or b"")
    except MoonliftError:
        return
    if (found.product, found.sequence) != (release.product, release.sequence):
        raise BundleRefused(
            "repair-other-release",
            f"{bundle.path} is {found.product} {found.version} (sequence {found.sequence}), what"
            f" --from gives is {release.product} {release.version} (sequence {release.sequence})",
            hint="give a copy of the same release",
        )


def _sizes(places: Sequence[Place], release: Release, sums: Sums) -> dict[str, int]:
    if release.parity is not None:
        return dict(release.parity.sizes)
    return {name: len(_by_digest(places, name, sums, SMALL_FILE_LIMIT)) for name in SIZED}
