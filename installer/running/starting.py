"""How a person wants what runs of a release to be started: where its settings lie, what proves it.

Owns the choices and what follows from them for one release. Light to import: what asks an engine
is loaded only for a release of which something runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from installer.ledger import Ledger
from installer.running.proof import Proof, ProofMode
from installer.state.apps import RunsAs
from manifests.bundle.medium import Medium
from manifests.digest import Digest
from manifests.errors import UsageError
from manifests.release import Release

if TYPE_CHECKING:
    from installer.planning.appplan import AppPlan


class ProofChoice(StrEnum):
    """What a person said of the self-test."""

    POLICY = "policy"
    FORCE = "force"
    ACCEPT = "accept"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class ProofFlags:
    """The options of the command line about the self-test; at most one goes."""

    _: KW_ONLY
    force: bool = False
    skip: bool = False
    accept: bool = False

    def choice(self) -> ProofChoice:
        """Return what they come to.

        Raises:
            UsageError: `selftest-options`: more than one of them.
        """
        given = {
            "--selftest": (self.force, ProofChoice.FORCE),
            "--skip-selftest": (self.skip, ProofChoice.SKIP),
            "--accept-failed-selftest": (self.accept, ProofChoice.ACCEPT),
        }
        chosen = {name: choice for name, (flag, choice) in given.items() if flag}
        if len(chosen) > 1:
            raise UsageError("selftest-options", f"{' and '.join(chosen)} exclude each other")
        return next(iter(chosen.values()), ProofChoice.POLICY)


def runs_as(swarm: bool | None, *, everywhere: bool) -> RunsAs | None:  # noqa: FBT001 - as given
    """Return how a person wants it to run, by the options; None where they say nothing.

    Raises:
        UsageError: `swarm-options`.
    """
    if everywhere and swarm is False:
        raise UsageError("swarm-options", "--no-swarm and --swarm-everywhere exclude each other")
    if everywhere:
        return RunsAs.STACK_EVERYWHERE
    return None if swarm is None else RunsAs.STACK if swarm else RunsAs.CONTAINERS


@dataclass(frozen=True, slots=True)
class Starting:
    """How what runs of a release is to be started.

    Attributes:
        engine: as on the command line.
        settings: folder of this host's settings for all apps.
        start: whether it is started at all; else images are loaded and named only.
        gpus: whether services get the GPUs that they ask for.
        selftest: whether this host must prove itself before.
        runs_as: as containers or as a stack; None for as it does.
    """

    _: KW_ONLY
    engine: str
    settings: Path
    start: bool = True
    gpus: bool = True
    selftest: ProofChoice = ProofChoice.POLICY
    runs_as: RunsAs | None = None

    def plan_app(
        self,
        release: Release,
        images: Mapping[str, Digest],
        ledger: Ledger,
        medium: Medium | None,
    ) -> AppPlan | None:
        """Ask what has to be done so that it runs; raises as `plan_app` does."""
        if release.run is None or not self.start:
            return None
        from installer.planning.appplan import AppChoices, plan_app  # noqa: PLC0415 - loads the client

        choices = AppChoices(
            engine=self.engine, settings=self.settings, gpus=self.gpus, runs_as=self.runs_as
        )
        return plan_app(release, images, ledger, medium, choices)

    def proof(
        self,
        release: Release,
        images: Mapping[str, Digest],
        app: AppPlan | None,
        ledger: Ledger,
    ) -> Proof | None:
        """Return the self-test that this host must pass first; None for none.

        What is active already was proved before: it is only started again.
        """
        mode = self._mode(release)
        known = ledger.app(release.product)
        proved = known is not None and known.active == release.sequence
        if mode is ProofMode.OFF or (proved and self.selftest is not ProofChoice.FORCE):
            return None
        if app is None:
            return Proof(mode, None, "") if self.selftest is ProofChoice.FORCE else None
        return Proof(
            mode,
            images.get(release.selftest) if release.selftest else None,
            app.apps.url,
            gpus=self.gpus,
            gpu_needed=bool(app.gpu_services),
        )

    def _mode(self, release: Release) -> ProofMode:
        asked = ProofMode(release.run.selftest) if release.run is not None else ProofMode.OFF
        match self.selftest:
            case ProofChoice.SKIP:
                return ProofMode.OFF
            case ProofChoice.FORCE:
                return ProofMode.REQUIRED
            case ProofChoice.ACCEPT:
                return ProofMode.OFF if asked is ProofMode.OFF else ProofMode.WARN
            case _:
                return asked
