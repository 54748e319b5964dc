"""The options that several verbs of `bundle` have: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from manifests.layerpolicy import LayerPolicy

Manifest = Annotated[Path, typer.Argument(metavar="APP", help="The app manifest, app.yaml.")]
Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="Folder, NAME.tar, or its first part NAME.tar.001.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
Source = Annotated[
    str,
    typer.Option(
        help="Where every image comes from: auto, registry, docker, oci:DIR, "
        "oci-archive:FILE, docker-archive:FILE."
    ),
]
Layers = Annotated[
    LayerPolicy | None, typer.Option(help="Recompress layers or keep the registry's bytes.")
]
Platforms = Annotated[
    list[str] | None, typer.Option(help="os/architecture, instead of the app's own. Again.")
]
Base = Annotated[
    Path | None,
    typer.Option(
        metavar="OLD",
        help="Hold only what is new since this bundle, release.json or host's inventory.",
    ),
]
Selftest = Annotated[
    str,
    typer.Option(metavar="IMAGE", help="Add this image, made by `bundle selftest-image`."),
]
WithInstaller = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Carry this installer, made by `make installer`."),
]
Parity = Annotated[
    int,
    typer.Option(
        min=0,
        max=100,
        metavar="PERCENT",
        help="Add files that restore this much of a damaged bundle: `installer repair`.",
    ),
]
CacheFolder = Annotated[
    Path | None, typer.Option(envvar="MOONLIFT_CACHE", help="Build cache folder.")
]
CaFiles = Annotated[
    list[Path] | None, typer.Option(help="PEM file of authorities to trust. Again.")
]
PlainHttp = Annotated[
    list[str] | None, typer.Option(help="Registry host[:port] to ask without TLS. Again.")
]
Realms = Annotated[
    list[str] | None,
    typer.Option(help="Token service on another site that may see credentials. Again."),
]
