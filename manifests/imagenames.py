"""The names of images as engines list them, in the forms in which people write them; pure text."""

from __future__ import annotations

from manifests.reference import MalformedReference, Reference


def repository_of(name: str) -> str:
    """Return the part of a reference before tag and digest."""
    reference = parsed(name)
    return name if reference is None else reference.name


def familiar_name(name: str) -> str:
    """Return a reference as engines show it: `nginx:1.25`."""
    reference = parsed(name)
    return name if reference is None else reference.familiar


def parsed(name: str) -> Reference | None:
    """Return a reference, None for a text that is none."""
    try:
        return Reference.parse(name)
    except MalformedReference:
        return None
