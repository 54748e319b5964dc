"""Collects what Kubernetes documents tell, with bounds, and judges a text that should be an image.

Owns which texts can't be images as they stand: empty, no text, left-over templating.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bundler.discover.found import Found, GpuRequest, Mention, Place, Problem, Remark
from bundler.discover.kubernetes.text import RENDER_HINT
from manifests.appmanifest.problems import describe
from manifests.safetext import safe_line
from manifests.yaml.node import Node

MAX_TOLD: Final = 10_000
"""Images, and problems, of one source."""
MAX_REMARKS: Final = 200
MAX_WRITTEN: Final = 1000
"""Characters of an image; a reference with a digest has less than 500."""

_Told = TypeVar("_Told", Mention, GpuRequest, Problem, Remark)

_LEFT_OVER = re.compile(r"\{\{|\}\}|\$\(|\$\{|<no value>|<nil>|%!")
_CHOSEN_BY_PARAMETERS = re.compile(r"\$\(|\{\{\s*(?:inputs|workflow|item|steps|tasks)\b")


@dataclass(frozen=True, slots=True)
class Suspect:
    """A text that looks like an image where none is known to be named.

    Attributes:
        written: the text.
        place: where.
        where: path and object, for people: `spec.image of Widget w`.
        image_path: the entry of `image_paths` that would take it in.
    """

    written: str
    place: Place
    where: str
    image_path: str

    def remark(self) -> Remark:
        """Return what to tell a person."""
        return Remark(
            self.place,
            f"looks like an image: {safe_line(self.written, limit=300)}, at {self.where};"
            f" add it to `images:`, or to `image_paths:` as {self.image_path!r}",
        )


@dataclass(slots=True)
class Findings:
    """What was found so far."""

    mentions: list[Mention] = field(default_factory=list)
    gpus: list[GpuRequest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    suspects: dict[str, Suspect] = field(default_factory=dict)

    def image(self, node: Node, place: Place, by: str) -> None:
        """Take a node that has to be an image; tell why it is none."""
        if node.value is None or (isinstance(node.value, str) and not node.value.strip()):
            message = f"expected an image at {by}, found {describe(node)}"
            self.problem(place, "kubernetes-image-missing", message, "write the image's name there")
        elif not isinstance(node.value, str):
            message = f"expected an image at {by}, found {describe(node)}"
            self.problem(place, "kubernetes-image-malformed", message, "quote it if it is text")
        else:
            self.written(node.value, place, by)

    def written(self, text: str, place: Place, by: str) -> None:
        """Take the text of an image."""
        shown = safe_line(text, limit=200)
        if len(text) > MAX_WRITTEN:
            message = f"expected an image at {by}, found {len(text)} characters"
            hint = "no name that a registry knows is so long"
            self.problem(place, "kubernetes-image-malformed", message, hint)
        elif _LEFT_OVER.search(text):
            message = f"expected an image at {by}, found a variable that nothing fills in: {shown}"
            self.problem(place, "kubernetes-image-unrendered", message, _unrendered_hint(text))
        elif len(self.mentions) < MAX_TOLD:
            self.mentions.append(Mention(text, place, by))
            if len(self.mentions) == MAX_TOLD:
                message = f"expected fewer than {MAX_TOLD} images in a source, found more"
                self.problem(place, "kubernetes-too-large", message, "split the source")

    def problem(self, place: Place, code: str, message: str, hint: str = "") -> None:
        """Tell a problem."""
        self.add(Problem(place, code, message, hint))

    def add(self, problem: Problem) -> None:
        """Tell a problem that is made already."""
        if len(self.problems) < MAX_TOLD:
            self.problems.append(problem)

    def remark(self, place: Place, message: str) -> None:
        """Tell a remark."""
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(Remark(place, message))

    @property
    def has_room(self) -> bool:
        """Tell whether one more suspect could be told."""
        return len(self.suspects) < MAX_REMARKS

    def suspect(self, suspect: Suspect) -> None:
        """Tell a text that looks like an image."""
        if self.has_room:
            self.suspects.setdefault(suspect.written, suspect)
            if len(self.suspects) == MAX_REMARKS:
                message = f"{MAX_REMARKS} texts look like images: more are not looked for"
                self.remark(suspect.place, message)

    def found(self) -> Found:
        """Return all of it; suspects that are also named where images are told no more."""
        named = {mention.written for mention in self.mentions}
        suspects = [one for one in self.suspects.values() if one.written not in named]
        remarks = [*self.remarks, *(one.remark() for one in suspects)]
        return Found(
            _in_order(self.mentions),
            _in_order(self.gpus),
            _in_order(self.problems),
            _in_order(remarks),
        )


def _in_order(told: Sequence[_Told]) -> tuple[_Told, ...]:
    """Return what was told by place; files in the order in which they were read."""
    files = {
        file: number for number, file in enumerate(dict.fromkeys(one.place.file for one in told))
    }
    return tuple(
        sorted(told, key=lambda one: (files[one.place.file], one.place.line, one.place.column))
    )


def _unrendered_hint(text: str) -> str:
    if _CHOSEN_BY_PARAMETERS.search(text):
        return "it is chosen when it runs: list every image that it may be under `images:`"
    if "${" in text:
        return "fill it in first, as with `envsubst` or `oc process`, and name the result"
    return RENDER_HINT
