"""Fills in what a host sets: the templates of a release, and what is missing for them.

Owns which value a variable has: the host's, else the default. Collects what is not there, so that
a person is told of all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from manifests.errors import MalformedInput
from manifests.interpolation import Filled, MalformedInterpolation, interpolate
from manifests.runspec import RunSpec


@dataclass(slots=True)
class Filling:
    """One release on one host.

    Attributes:
        values: of all variables.
        missing: what the app says of each variable that must be set and is not.
        unset: variables for which nothing was put in.
    """

    values: Mapping[str, str] = field(repr=False)
    missing: dict[str, str] = field(default_factory=dict)
    unset: dict[str, None] = field(default_factory=dict)

    def text(self, template: str, nearer: Mapping[str, str] | None = None) -> str:
        """Return a template filled in.

        Args:
            template: of a text.
            nearer: variables that are taken where nobody else sets them.

        Raises:
            MalformedInput: `run-template`: no template at all.
        """
        filled = _interpolated(template, {**(nearer or {}), **self.values})
        for one in filled.missing:
            self.missing.setdefault(one.name, one.message)
        self.unset |= dict.fromkeys(filled.unset)
        return filled.text


def filling(spec: RunSpec, variables: Mapping[str, str]) -> Filling:
    """Return what fills in a release's templates.

    Args:
        spec: with the defaults.
        variables: that this host sets.
    """
    values = dict(variables)
    missing: dict[str, str] = {}
    for one in spec.variables:
        if one.required and not values.get(one.name) and one.default is None:
            missing[one.name] = one.message
        elif one.name not in values and one.default is not None:
            values[one.name] = one.default
    return Filling(values, missing)


def _interpolated(template: str, values: Mapping[str, str]) -> Filled:
    try:
        return interpolate(template, values)
    except MalformedInterpolation as error:
        raise MalformedInput("run-template", f"release.json: run: {error}") from error
