"""How many bytes each layer of an image takes, from what an engine tells: pure reckoning.

An engine lists an image's layers without sizes, and the steps that made it with sizes but without
layers. Steps that made no layer have no size; so has a layer that only removes files. Where the
two lists can't be matched, all bytes are given to the lowest layer, which most images share: what
is not known is then counted too low, never too high.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from manifests.digest import Digest, MalformedDigest
from manifests.oci import chain_ids
from manifests.prunerules.inventory import Layer

_MAKES_A_LAYER = re.compile(r"(RUN|COPY|ADD|WORKDIR)\b|/bin/\w+ -c (?!#\(nop\))")
_STEP: Final = "CreatedBy"


def layers_of(
    diff_ids: Iterable[object], history: Sequence[Mapping[str, Any]], size: int
) -> tuple[Layer, ...]:
    """Return the layers of an image, lowest first.

    Args:
        diff_ids: of the layers, lowest first, as the engine writes them.
        history: the steps, newest first, as the engine tells them.
        size: bytes of the whole image, compressed layers included where the engine keeps them.
    """
    try:
        keys = chain_ids([Digest.parse(str(one)) for one in diff_ids])
    except MalformedDigest:
        return ()
    sizes = _matched(list(reversed(history)), len(keys))
    if sizes is None:
        return tuple(Layer(str(key), size if key == keys[0] else 0) for key in keys)
    known = sum(sizes)
    factor = size / known if known and size > known else 1.0
    return tuple(Layer(str(key), int(one * factor)) for key, one in zip(keys, sizes, strict=True))


@dataclass(frozen=True, slots=True)
class Stack:
    """An image as a pile of layers.

    Attributes:
        identity: of the image.
        keys: of its layers, lowest first.
        size: bytes of the whole.
    """

    identity: str
    keys: tuple[str, ...]
    size: int


def to_ask(stacks: Iterable[Stack], known: dict[str, int]) -> list[Stack]:
    """Reckon what follows from what is known; return images whose steps must be asked for.

    A layer that is the only unknown one of an image is the rest of its size. Of images that have
    the same unknown layer one is enough for now.

    Args:
        stacks: every image.
        known: sizes of layers; those that follow are added.
    """
    asked: dict[str, Stack] = {}
    for one in sorted(stacks, key=lambda one: len(one.keys)):
        unknown = [key for key in one.keys if key not in known]
        if len(unknown) == 1:
            rest = sum(known.get(key, 0) for key in one.keys)
            known[unknown[0]] = max(0, one.size - rest)
        elif unknown:
            asked.setdefault(unknown[0], one)
    return list(asked.values())


def _matched(steps: Sequence[Mapping[str, Any]], count: int) -> list[int] | None:
    """Return the sizes of `count` layers, None if it is not clear which steps made them."""
    for makes in (_has_bytes, _has_bytes_or_words):
        sizes = [_size(step) for step in steps if makes(step)]
        if len(sizes) == count:
            return sizes
    return None


def _has_bytes(step: Mapping[str, Any]) -> bool:
    return _size(step) > 0


def _has_bytes_or_words(step: Mapping[str, Any]) -> bool:
    return _has_bytes(step) or _MAKES_A_LAYER.match(str(step.get(_STEP) or "")) is not None


def _size(step: Mapping[str, Any]) -> int:
    size = step.get("Size")
    return size if isinstance(size, int) and size > 0 else 0
