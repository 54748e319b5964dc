"""What an installer asks of a container engine, and what it knows of what is there.

Owns the `Engine` protocol and the pure reckoning of what is missing. No I/O, no engine's API.

Images are known by an identity, layers by a key; which digests these are is the store's way:

    store           identity of an image        key of a layer
    graph driver    config (the image ID)       chain ID
    containerd      manifest or index           blob
    layout          manifest                    blob
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from installer.engines.namechange import NameChange
from manifests.digest import Digest
from manifests.errors import EngineFailed
from manifests.oci import chain_ids
from manifests.platform import Platform
from manifests.release import BlobRecord, ImageRecord, LayerRecord, Release

KEEP_PREFIX: Final = "moonlift.local/"
"""The registry part of our own names: they keep an image from being pruned as nameless."""


def keep_name(product: str, identity: Digest) -> str:
    """Return the name that keeps an image of `product`, whatever the app calls it."""
    return f"{keep_repository(product)}:{identity.short}"


def keep_repository(product: str) -> str:
    """Return the repository of these names.

    A product may hold `.`, `_` and `-` in runs that a repository may not.
    """
    return f"{KEEP_PREFIX}{re.sub(r'[._-]+', '-', product)}"


class Store(StrEnum):
    """How an engine keeps images."""

    GRAPH_DRIVER = "graph-driver"
    CONTAINERD = "containerd"
    LAYOUT = "layout"

    @property
    def unpacks(self) -> bool:
        """Whether layers are unpacked when they are loaded."""
        return self is not Store.LAYOUT

    def identity(self, image: ImageRecord) -> Digest:
        """Return what the store knows an image by."""
        if self is Store.LAYOUT:
            return image.manifest.digest
        return image.image_id if self is Store.GRAPH_DRIVER else image.target

    def pointed(self, image: ImageRecord) -> Digest:
        """Return what a name of an image points to."""
        return image.image_id if self is Store.GRAPH_DRIVER else image.target

    def layer_keys(self, image: ImageRecord) -> tuple[Digest, ...]:
        """Return what the store knows each layer of an image by, lowest first."""
        if self is Store.GRAPH_DRIVER:
            return chain_ids(image.diff_ids)
        return tuple(layer.digest for layer in image.layers)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine says of itself.

    Attributes:
        kind: `docker` or `layout`.
        version: its own; empty where it has none.
        store: how it keeps images.
        driver: the store's own name for its way, such as `overlay2`.
        platform: what its images must run on; None when it runs nothing.
        root: where it keeps images on this host; None when that is not known.
        identity: what tells it from others of its kind; empty when it does not say.
    """

    kind: str
    version: str
    store: Store
    driver: str
    platform: Platform | None
    root: Path | None
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """What a store has already.

    Attributes:
        store: its way of naming.
        images: identities of images that are there as a whole.
        layers: keys of layers that are there.
        names: what each name points to; one digest in an engine, one a platform in a layout.
    """

    store: Store
    images: frozenset[Digest] = frozenset()
    layers: frozenset[Digest] = frozenset()
    names: Mapping[str, frozenset[Digest]] = field(default_factory=dict)

    def holds(self, image: ImageRecord) -> bool:
        """Tell whether nothing of `image` has to be sent."""
        return self.store.identity(image) in self.images

    def missing(self, image: ImageRecord) -> tuple[LayerRecord, ...]:
        """Return the layers that have to be sent, lowest first, each once."""
        if self.holds(image):
            return ()
        keyed = zip(self.store.layer_keys(image), image.layers, strict=True)
        wanted = {layer.digest: layer for key, layer in keyed if key not in self.layers}
        return tuple(wanted.values())

    def after(self, image: ImageRecord) -> Presence:
        """Return what will be there once `image` is."""
        return replace(
            self,
            images=self.images | {self.store.identity(image)},
            layers=self.layers | frozenset(self.store.layer_keys(image)),
        )


@dataclass(frozen=True, slots=True)
class Stack:
    """An image that a store has, as a pile of layers.

    Attributes:
        identity: what the store knows it by.
        names: that point to it.
        diff_ids: of its layers, lowest first.
        size: bytes of the whole, as the store reckons.
    """

    identity: Digest
    names: tuple[str, ...]
    diff_ids: tuple[Digest, ...]
    size: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One image on its way into an engine.

    Attributes:
        image: what is signed about it.
        missing: the layers that the engine has not.
        keep: the name, in our own name space, that marks the image as complete.
    """

    image: ImageRecord
    missing: tuple[LayerRecord, ...]
    keep: str


class Source(Protocol):
    """Where the bytes of a delivery come from: checked already, each time they are read."""

    def document(self, digest: Digest) -> bytes:
        """Return an index, manifest or config."""

    def stored(self, blob: BlobRecord) -> Iterator[memoryview]:
        """Yield a layer as it lies in the bundle; a view is valid until the next.

        Raises:
            BundleRefused: a chunk is not what was signed.
        """

    def unpacked(self, layer: LayerRecord) -> Iterator[memoryview]:
        """Yield a layer's tar, exactly `layer.uncompressed` bytes; views as in `stored`.

        Raises:
            BundleRefused: a chunk is not what was signed, or the tar is longer or shorter.
        """

    @property
    def repeatable(self) -> bool:
        """Whether a layer can be read a second time."""

    @property
    def complete(self) -> bool:
        """Whether it has all layers of an image, not only those that the engine lacks."""

    def at_work(self, image: ImageRecord, how_far: str) -> None:
        """Be told that the engine has all of an image and unpacks it; `how_far` may be empty."""


class Engine(Protocol):
    """Something that keeps images."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in records."""

    @property
    def address(self) -> str:
        """How a command line names this one and no other."""

    def info(self) -> EngineInfo:
        """Return what it says of itself.

        Raises:
            EngineFailed: it does not answer.
        """

    def presence(
        self, images: Sequence[ImageRecord], keep: Mapping[Digest, str], known: Sequence[Release]
    ) -> Presence:
        """Return what is there of `images`; changes nothing.

        Args:
            images: of the release.
            keep: by identity, the name in our own name space of each image.
            known: releases whose documents this host has believed before.

        Raises:
            EngineFailed: it does not answer.
        """

    def stacks(self) -> tuple[Stack, ...]:
        """Return every image that is there; none where layers are known by their blobs alone.

        Raises:
            EngineFailed: it does not answer.
        """

    def copies(
        self, image: Digest, layers: Sequence[LayerRecord]
    ) -> Iterator[tuple[LayerRecord, Iterator[memoryview]]]:
        """Yield layers of an image that is there, as the store has them, in any order.

        What is yielded may be another layer of the same size: its digest has to be compared. A
        view is valid until the next.

        Args:
            image: its identity.
            layers: those looked for, as the store has them.

        Raises:
            EngineFailed: `engine-export`, `layout-io`.
        """

    def names(self, image: ImageRecord) -> tuple[str, ...]:
        """Return the names that must point to `image` in the end, our own left out."""

    def load(self, delivery: Delivery, source: Source) -> None:
        """Send what is missing, check that the signed image came of it, and mark it complete.

        The engine is told to commit only after every byte was checked. No name but our own is
        touched.

        Raises:
            EngineFailed: `engine-load`, `engine-no-space`; `engine-identity`: what came of it was
                removed.
            BundleRefused: as `source`; the engine has dropped what it was sent.
        """

    def set_names(self, changes: Sequence[NameChange], source: Source) -> None:
        """Let names point to images that were loaded: all of them, or all to what they did before.

        Raises:
            EngineFailed: `engine-tag`, `layout-io`; names that had moved were put back.
        """

    def remove_name(self, name: str) -> None:
        """Let `name` point to nothing.

        Raises:
            EngineFailed: `engine-tag`, `layout-io`.
        """

    def close(self) -> None:
        """Let go of connections."""


def identity_differs(engine: str, image: ImageRecord, what: str, found: object) -> EngineFailed:
    """Build the error for an engine that holds something else than was signed."""
    return EngineFailed(
        "engine-identity",
        f"{engine}: {image.name}: the engine's {what} is not the signed one, found {found}; "
        "what it made was removed",
        hint="look at the engine's log; it may be damaged or not what it says it is",
        image=image.name,
    )
