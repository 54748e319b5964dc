"""The parts of a report that were known before the run: host, engine, bundle, plan."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from manifests.documents import Instant, Part

Text = Annotated[str, StringConstraints(max_length=65_536)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, strict=False)]


class HostPart(Part):
    """The machine.

    Attributes:
        name: its own.
        system: the distribution.
        kernel: its release.
        machine: such as `x86_64`.
        user: number of the user that ran the installer.
    """

    name: Text
    system: Text
    kernel: Text
    machine: Text
    user: int


class EnginePart(Part):
    """Where the images went.

    Attributes:
        name: as on the command line.
        kind: such as `docker`.
        version: its own.
        store: how it keeps images.
        driver: the store's own name for its way.
        platform: what its images must run on.
        root: where it keeps images.
    """

    name: Text
    kind: Text
    version: Text
    store: Text
    driver: Text
    platform: Text | None = None
    root: Text | None = None


class SignerPart(Part):
    """Someone whose signature counted.

    Attributes:
        principal: who, by this host's keys.
        fingerprint: of the key.
    """

    principal: Text
    fingerprint: Text


class RemarkPart(Part):
    """Something worth a line.

    Attributes:
        code: stable.
        text: for people.
    """

    code: Text
    text: Text


class BundlePart(Part):
    """What was brought.

    Attributes:
        path: where it lay.
        sums: digest of its SHA256SUMS, which names every file.
        product: name of the app.
        version: for people.
        sequence: number of the release.
        standing: against what this host had accepted before.
        issued: when it was made.
        expires: after which it is refused.
        age_seconds: when it was installed.
        threshold: how many signers this host asks for.
        signers: that counted.
        ignored: signatures that did not count, and why.
        warnings: about its freshness.
        waived: images that the app names and the bundle does not hold, and why.
    """

    path: Text
    sums: Text
    product: Text
    version: Text
    sequence: int
    standing: Text
    issued: Instant
    expires: Instant | None = None
    age_seconds: int
    threshold: Count
    signers: tuple[SignerPart, ...]
    ignored: tuple[RemarkPart, ...] = ()
    warnings: tuple[RemarkPart, ...] = ()
    waived: tuple[RemarkPart, ...] = ()


class LayerPart(Part):
    """A layer of an image.

    Attributes:
        digest: of the bytes in the bundle.
        diff_id: of its tar.
        size: bytes in the bundle.
        uncompressed: bytes of its tar.
        sent: whether the engine lacked it.
    """

    digest: Text
    diff_id: Text
    size: Count
    uncompressed: Count
    sent: bool


class ImagePart(Part):
    """An image of the release, for this host's platform.

    Attributes:
        name: full reference.
        platform: where it runs.
        identity: what the engine knows it by.
        image_id: digest of its config.
        manifest: digest of its manifest.
        present: whether the engine had it before.
        layers: lowest first.
    """

    name: Text
    platform: Text
    identity: Text
    image_id: Text
    manifest: Text
    present: bool
    layers: tuple[LayerPart, ...]


class FilePart(Part):
    """A file that the app carries.

    Attributes:
        name: in the bundle.
        digest: of its bytes.
        size: bytes.
    """

    name: Text
    digest: Text
    size: Count


class FileSystemPart(Part):
    """What was asked of a file system, and what it had.

    Attributes:
        mount: where it is mounted.
        device: such as `/dev/sda2`.
        kind: such as `ext4`.
        purposes: what was to be written there.
        need: bytes.
        free: bytes, before.
    """

    mount: Text
    device: Text
    kind: Text
    purposes: tuple[Text, ...]
    need: Count
    free: Count


class PlanPart(Part):
    """What was known before.

    Attributes:
        checked_bytes: read and checked before the engine was touched.
        read_bytes: of layers, while it loaded.
        unpack_bytes: that these come to.
        engine_bytes: that the engine had to take in: unpacked, or as they are.
        temporary_bytes: written to the engine's temporary folder.
        store_bytes: written to its store.
        file_systems: what was asked of each.
        drive_rate: bytes a second that the drive gave.
        seconds: that it was to take.
        basis: what that time followed from.
    """

    checked_bytes: Count
    read_bytes: Count
    unpack_bytes: Count
    engine_bytes: Count
    temporary_bytes: Count
    store_bytes: Count
    file_systems: tuple[FileSystemPart, ...] = ()
    drive_rate: Seconds | None = None
    seconds: Seconds | None = None
    basis: Text = ""
