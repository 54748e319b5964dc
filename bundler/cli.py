"""The command line of `bundle`: one thin function a verb. Only this module exits.

More verbs and the options that several have are in `commandline`; what a verb does is in `answers`,
which is loaded when it runs: help and mistyped words wait for no document's form.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.bundles import reading
from bundler.commandline.drive import driving
from bundler.commandline.loading import loading
from bundler.commandline.options import (
    Base,
    CacheFolder,
    CaFiles,
    Json,
    Layers,
    Manifest,
    Parity,
    PlainHttp,
    Platforms,
    Realms,
    Selftest,
    Source,
    WithInstaller,
)
from bundler.commandline.prune import pruning
from bundler.commandline.run import running
from bundler.commandline.selftest import selftesting
from bundler.commandline.typed import BuildArguments, LockArguments
from bundler.output import print_lines
from bundler.verbs.schemas import SchemaOf, schema_text
from manifests import __version__
from manifests.errors import ExitCode, MoonliftError

app = typer.Typer(
    name="bundle",
    help="Make one signed bundle of all the images that an app needs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        _tell(error)
        code = error.exit_code
    except BaseException as error:  # noqa: BLE001 - anything else is a bug: shown whole
        code = ExitCode.INTERRUPTED if _is_interrupt(error) else ExitCode.BUG
        if code is ExitCode.BUG:
            traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


def _tell(error: MoonliftError) -> None:
    """Show an expected failure."""
    from bundler.console import print_error  # noqa: PLC0415 - loaded only where something fails

    print_error(error, as_json="--json" in sys.argv)


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
    with loading():
        from bundler.verbs.init import write_template  # noqa: PLC0415 - only what a command needs is imported

    write_template(path)
    print_lines([f"wrote {path}; edit it, then run: bundle build {path} -k KEY"])


@app.command()
def discover(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Folder with the app's files, or one of them.")
    ],
    *,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write an app.yaml that takes in all of it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show every image that the files of a folder name; exit 20 if one can't be known."""
    with loading():
        from bundler.answers.discover import show_discovery  # noqa: PLC0415 - only what a command needs is imported

    raise typer.Exit(show_discovery(path, write, as_json=as_json))


@app.command()
def schema(
    document: Annotated[
        SchemaOf, typer.Argument(help="Of the app manifest or of the lock.")
    ] = SchemaOf.APP,
) -> None:
    """Print the JSON Schema of app.yaml, or of its lock, for editors."""
    sys.stdout.write(schema_text(document))


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
    with loading():
        from bundler.answers.keygen import make_key  # noqa: PLC0415 - only what a command needs is imported

    make_key(path, comment, no_passphrase=no_passphrase, as_json=as_json)


@app.command()
def resolve(  # noqa: PLR0913 - one parameter an option
    manifest: Manifest,
    *,
    check: Annotated[
        bool,
        typer.Option("--check", "--dry-run", help="Write nothing; exit 20 if it would change."),
    ] = False,
    source: Source = "auto",
    layers: Layers = None,
    platform: Platforms = None,
    selftest: Selftest = "",
    cache: CacheFolder = None,
    ca_file: CaFiles = None,
    plain_http: PlainHttp = None,
    realm: Realms = None,
    as_json: Json = False,
) -> None:
    """Look up every image that APP names, and pin it in the lock."""
    with loading():
        from bundler.answers.resolve import renew_lock  # noqa: PLC0415 - only what a command needs is imported

    arguments = LockArguments(
        manifest=manifest,
        source=source,
        layers=layers,
        platforms=tuple(platform or ()),
        cache=cache,
        ca_files=tuple(ca_file or ()),
        plain_http=tuple(plain_http or ()),
        realms=tuple(realm or ()),
        check=check,
        selftest=selftest,
    )
    raise typer.Exit(renew_lock(arguments, as_json=as_json))


@app.command()
def build(  # noqa: PLR0913 - one parameter an option
    manifest: Manifest,
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
    source: Source = "auto",
    layers: Layers = None,
    level: Annotated[int, typer.Option(min=1, max=19, help="zstd level.")] = 6,
    platform: Platforms = None,
    base: Base = None,
    part_size: Annotated[
        str | None, typer.Option(help="Write NAME.tar as parts of this size, such as 2GiB.")
    ] = None,
    selftest: Selftest = "",
    with_installer: WithInstaller = None,
    parity: Parity = 0,
    cache: CacheFolder = None,
    ca_file: CaFiles = None,
    plain_http: PlainHttp = None,
    realm: Realms = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File with the keys' passphrase, for scripts.")
    ] = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Refuse to change the lock: build from it alone.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Fetch, prune, recompress, sign: one bundle of all that APP names."""
    with loading():
        from bundler.answers.build import build_bundle  # noqa: PLC0415 - only what a command needs is imported

    arguments = BuildArguments(
        manifest=manifest,
        output=output,
        keys=tuple(keys or ()),
        source=source,
        layers=layers,
        level=level,
        platforms=tuple(platform or ()),
        base=base,
        part_size=part_size,
        cache=cache,
        ca_files=tuple(ca_file or ()),
        plain_http=tuple(plain_http or ()),
        realms=tuple(realm or ()),
        passphrase_file=passphrase_file,
        locked=locked,
        selftest=selftest,
        installer=with_installer,
        parity=parity,
    )
    build_bundle(arguments, as_json=as_json)


app.add_typer(reading)
app.add_typer(driving)
app.add_typer(selftesting)
app.add_typer(running)
app.add_typer(pruning)
