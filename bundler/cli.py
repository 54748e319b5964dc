"""The command line of `bundle`: one thin function a verb. Only this module exits."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bundler.arguments import BuildArguments, build_options, judge_of, new_passphrase
from bundler.console import print_error, print_json, print_lines, print_view, progress_sink
from manifests import __version__
from manifests.errors import ExitCode, MoonliftError
from manifests.release import LayerPolicy

app = typer.Typer(
    name="bundle",
    help="Make one signed bundle of all the images that an app needs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
Bundle = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="Folder, NAME.tar, or its first part NAME.tar.001.")
]


def main() -> None:
    """Run the program: expected failures become an exit code, anything else is a bug.

    It ends at once: a download that hangs in a read must not hold it up.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    code: int = ExitCode.DONE
    try:
        app(prog_name="bundle")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else ExitCode.BUG
    except MoonliftError as error:
        print_error(error, as_json="--json" in sys.argv)
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - anything else is a bug: shown whole
        code = ExitCode.INTERRUPTED if _is_interrupt(error) else ExitCode.BUG
        if code is ExitCode.BUG:
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C is at the root: pydantic wraps it like any error of a serializer."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        print_lines([f"bundle (moonlift) {__version__}"])
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Make one signed bundle of all the images that an app needs."""


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write.")] = Path("app.yaml"),
) -> None:
    """Write a commented app.yaml to start from."""
    from bundler.init import write_template  # noqa: PLC0415 - start-up time

    write_template(path)
    print_lines([f"wrote {path}; edit it, then run: bundle build {path} -k KEY"])


@app.command()
def schema() -> None:
    """Print the JSON Schema of app.yaml, for editors."""
    from manifests.app import app_schema  # noqa: PLC0415 - start-up time

    sys.stdout.write(app_schema().decode())


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(metavar="KEY", help="Private key to write.")],
    *,
    comment: Annotated[str, typer.Option(help="Stands behind the public key.")] = "moonlift",
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Leave the private key unencrypted.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a signing key: KEY and KEY.pub, as ssh-keygen makes them."""
    from bundler.keygen import generate_key  # noqa: PLC0415 - start-up time

    passphrase = None if no_passphrase else new_passphrase()
    pair = generate_key(path, comment=comment, passphrase=passphrase)
    if as_json:
        print_json(
            {
                "private": str(pair.private),
                "public": str(pair.public),
                "fingerprint": pair.key.fingerprint,
            }
        )
        return
    print_lines(
        [
            f"private key  {pair.private} (keep it off the drive)",
            f"public key   {pair.public}",
            f"fingerprint  {pair.key.fingerprint}",
            "on each host: installer trust add KEY.pub --id NAME --fingerprint SHA256:...",
        ]
    )


@app.command()
def build(  # noqa: PLR0913 - one parameter an option
    manifest: Annotated[Path, typer.Argument(metavar="APP", help="The app manifest, app.yaml.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder, or NAME.tar; NAME-VERSION by default."),
    ] = None,
    keys: Annotated[
        list[Path] | None,
        typer.Option(
            "-k",
            "--key",
            envvar="MOONLIFT_KEY",
            help="OpenSSH private key, or a .pub served by ssh-agent. Again for more signers.",
        ),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            help="Where every image comes from: auto, registry, docker, oci:DIR, "
            "oci-archive:FILE, docker-archive:FILE."
        ),
    ] = "auto",
    layers: Annotated[
        LayerPolicy | None, typer.Option(help="Recompress layers or keep the registry's bytes.")
    ] = None,
    level: Annotated[int, typer.Option(min=1, max=19, help="zstd level.")] = 6,
    platform: Annotated[
        list[str] | None, typer.Option(help="os/architecture, instead of the app's own. Again.")
    ] = None,
    part_size: Annotated[
        str | None, typer.Option(help="Write NAME.tar as parts of this size, such as 2GiB.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(envvar="MOONLIFT_CACHE", help="Build cache folder.")
    ] = None,
    ca_file: Annotated[
        list[Path] | None, typer.Option(help="PEM file of authorities to trust. Again.")
    ] = None,
    plain_http: Annotated[
        list[str] | None, typer.Option(help="Registry host[:port] to ask without TLS. Again.")
    ] = None,
    realm: Annotated[
        list[str] | None,
        typer.Option(help="Token service on another site that may see credentials. Again."),
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the keys' passphrase, for scripts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Resolve, fetch, prune, recompress, sign: one bundle of all that APP names."""
    from bundler.build import build as run  # noqa: PLC0415 - start-up time
    from bundler.show import path_lines, report_json, report_view  # noqa: PLC0415

    arguments = BuildArguments(
        manifest=manifest,
        output=output,
        keys=tuple(keys or ()),
        source=source,
        layers=layers,
        level=level,
        platforms=tuple(platform or ()),
        part_size=part_size,
        cache=cache,
        ca_files=tuple(ca_file or ()),
        plain_http=tuple(plain_http or ()),
        realms=tuple(realm or ()),
        passphrase_file=passphrase_file,
    )
    with progress_sink() as progress:
        report = run(manifest, build_options(arguments), progress)
    if as_json:
        print_json(report_json(report))
    else:
        print_view(report_view(report))
        print_lines(path_lines(report))


@app.command()
def verify(
    bundle: Bundle,
    *,
    allowed_signers: Annotated[
        Path | None,
        typer.Option(help="OpenSSH allowed_signers file: who may have signed."),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option("-k", "--key", help="Public key that must have signed.")
    ] = None,
    threshold: Annotated[int, typer.Option(min=1, help="Distinct signers asked for.")] = 1,
    as_json: Json = False,
) -> None:
    """Check a bundle's signatures and every byte, as a host will."""
    from bundler.verify import verification_json, verification_text  # noqa: PLC0415
    from bundler.verify import verify as run  # noqa: PLC0415 - start-up time

    judge = judge_of(allowed_signers, tuple(key or ()), threshold)
    with progress_sink() as progress:
        verification = run(bundle, judge, progress)
    if as_json:
        print_json(verification_json(verification))
    else:
        print_view(verification_text(verification))


@app.command()
def inspect(
    bundle: Bundle,
    *,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a bundle holds: images, layers, sizes, what is shared."""
    from bundler.inspect import inspect as run  # noqa: PLC0415 - start-up time
    from bundler.show import inspection_json, inspection_view  # noqa: PLC0415

    inspection = run(bundle)
    if as_json:
        print_json(inspection_json(inspection))
    else:
        print_view(inspection_view(inspection, layers=layers))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The bundle before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The bundle after.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what changed between two bundles, and how many bytes are new."""
    from bundler.diff import diff as run  # noqa: PLC0415 - start-up time
    from bundler.inspect import inspect as read  # noqa: PLC0415
    from bundler.show import difference_json, difference_view  # noqa: PLC0415

    before, after = read(old), read(new)
    difference = run(before, after)
    if as_json:
        print_json(difference_json(difference))
    else:
        print_view(difference_view(before, after, difference))
