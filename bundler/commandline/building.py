"""What the command line says, turned into what a build takes; asks for passphrases."""

from __future__ import annotations

import getpass
import sys
from functools import partial
from pathlib import Path

from bundler.build import BuildOptions
from bundler.commandline.arguments import cache_of, platform_of, sources_of
from bundler.commandline.keys import read_small
from bundler.commandline.typed import BuildArguments
from bundler.layers.recompress import ZstdSettings
from bundler.locking.pins import Renew
from bundler.sign import Signer, open_signer
from bundler.writing.parts import check_part_size
from bundler.writing.place import Output
from manifests.errors import UsageError
from manifests.quantities import parse_size


def build_options(arguments: BuildArguments) -> BuildOptions:
    """Check and convert.

    Raises:
        UsageError: an option makes no sense, or no key was given.
    """
    if not arguments.keys:
        raise UsageError(
            "signing-key-none",
            "expected a key to sign with, found none: hosts refuse unsigned bundles",
            hint="bundle keygen release.key, then add: -k release.key",
        )
    signers = tuple(_signer(key, arguments.passphrase_file) for key in arguments.keys)
    part_size = parse_size(arguments.part_size) if arguments.part_size is not None else None
    check_part_size(part_size)
    return BuildOptions(
        output=_output(arguments, part_size),
        cache=cache_of(arguments),
        sources=sources_of(arguments),
        signers=signers,
        settings=ZstdSettings(level=arguments.level),
        policy=arguments.layers,
        platforms=tuple(map(platform_of, arguments.platforms)),
        base=arguments.base,
        renew=Renew.NOTHING if arguments.locked else Renew.NEW,
        selftest=arguments.selftest,
        installer=arguments.installer,
        parity=arguments.parity,
    )


def _output(arguments: BuildArguments, part_size: int | None) -> Output | None:
    if arguments.output is None:
        if part_size is not None:
            raise UsageError("part-size", "parts are of a tar", hint="add: -o NAME.tar")
        return None
    output = Output(arguments.output.parent.resolve() / arguments.output.name, part_size)
    if part_size is not None and not output.is_tar:
        raise UsageError(
            "part-size", f"expected -o NAME.tar with --part-size, found {arguments.output}"
        )
    return output


def _signer(path: Path, passphrase_file: Path | None) -> Signer:
    return open_signer(path, partial(_passphrase, path, passphrase_file))


def _passphrase(key: Path, file: Path | None) -> bytes:
    if file is not None:
        return read_small(file).rstrip(b"\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "signing-key-passphrase",
            f"{key} is encrypted and there is no terminal to ask for its passphrase",
            hint="give --passphrase-file, or load the key into ssh-agent and give its .pub",
        )
    return getpass.getpass(f"Passphrase of {key}: ").encode()
