"""Every source of an app, each read by the discoverer of its kind.

Knows which module reads which kind, and nothing of what any of them says; `merge` puts together
what they told. A kind's module is loaded when it is needed, for the sake of start-up time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import (
    ComposeSource,
    DockerfileSource,
    HelmSource,
    KubernetesSource,
    KustomizeSource,
    ListSource,
    MarathonSource,
    SlurmSource,
    Source,
)


def gather(
    sources: Sequence[Source], folder: DiskFolder, environ: Mapping[str, str]
) -> tuple[Found, ...]:
    """Return what each source told, in their order.

    Args:
        sources: of the app manifest.
        folder: the app manifest's.
        environ: of the process; Compose files and batch scripts are filled in from it.
    """
    return tuple(discover(source, folder, environ) for source in sources)


def discover(  # noqa: C901, PLR0911 - one case a kind
    source: Source, folder: DiskFolder, environ: Mapping[str, str]
) -> Found:
    """Return what one source tells; it takes what `gather` takes."""
    match source:
        case ComposeSource():
            from bundler.discover import compose  # noqa: PLC0415 - start-up time, as all below

            return compose.discover(source, folder, environ)
        case KubernetesSource():
            from bundler.discover import kubernetes  # noqa: PLC0415

            return kubernetes.discover(source, folder)
        case KustomizeSource():
            from bundler.discover import kustomize  # noqa: PLC0415

            return kustomize.discover(source, folder)
        case HelmSource():
            from bundler.discover import helm  # noqa: PLC0415

            return helm.discover(source, folder)
        case MarathonSource():
            from bundler.discover import marathon  # noqa: PLC0415

            return marathon.discover(source, folder)
        case DockerfileSource():
            from bundler.discover import dockerfile  # noqa: PLC0415

            return dockerfile.discover(source, folder)
        case SlurmSource():
            from bundler.discover import slurm  # noqa: PLC0415

            return slurm.discover(source, folder, environ)
        case ListSource():
            from bundler.discover import imagelist  # noqa: PLC0415

            return imagelist.discover(source, folder)
