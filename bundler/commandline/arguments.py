"""What the command line says, turned into what the stages take; asks for passphrases."""

from __future__ import annotations

import getpass
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bundler.build import BuildOptions
from bundler.cache import Cache
from bundler.discover.merge import Overrides
from bundler.layers.recompress import ZstdSettings
from bundler.locking.appfiles import host_platform
from bundler.locking.pins import Renew
from bundler.locking.relock import LockOptions
from bundler.sign import Signer, open_signer
from bundler.sources.choose import SourceOptions
from bundler.verbs.resolve import ResolveOptions
from bundler.writing.parts import check_part_size
from bundler.writing.place import Output
from manifests.errors import UsageError
from manifests.platform import MalformedPlatform, Platform
from manifests.quantities import parse_size
from manifests.release import LayerPolicy
from manifests.seals.allowedsigners import MAX_BYTES, AllowedSigner, parse_signers
from manifests.seals.listing import Judge, trusted_signers
from manifests.seals.sshkey import PublicKey

HOST_SIGNERS = Path("/etc/moonlift/allowed_signers")
KEY_FILE_LIMIT = 16 * 1024


@dataclass(frozen=True, slots=True)
class BuildArguments:
    """The options of `bundle build` as typed; see its `--help`."""

    manifest: Path
    output: Path | None
    keys: tuple[Path, ...]
    source: str
    layers: LayerPolicy | None
    level: int
    platforms: tuple[str, ...]
    part_size: str | None
    cache: Path | None
    ca_files: tuple[Path, ...]
    plain_http: tuple[str, ...]
    realms: tuple[str, ...]
    passphrase_file: Path | None
    base: Path | None = None
    locked: bool = False
    selftest: str = ""
    installer: Path | None = None
    parity: int = 0


@dataclass(frozen=True, slots=True)
class LockArguments:
    """The options of `bundle resolve` as typed; see its `--help`."""

    manifest: Path
    source: str
    layers: LayerPolicy | None
    platforms: tuple[str, ...]
    cache: Path | None
    ca_files: tuple[Path, ...]
    plain_http: tuple[str, ...]
    realms: tuple[str, ...]
    check: bool
    selftest: str = ""


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
        cache=_cache(arguments),
        sources=_sources(arguments),
        signers=signers,
        settings=ZstdSettings(level=arguments.level),
        policy=arguments.layers,
        platforms=tuple(map(_platform, arguments.platforms)),
        base=arguments.base,
        renew=Renew.NOTHING if arguments.locked else Renew.NEW,
        selftest=arguments.selftest,
        installer=arguments.installer,
        parity=arguments.parity,
    )


def resolve_options(arguments: LockArguments) -> ResolveOptions:
    """Check and convert.

    Raises:
        UsageError: an option makes no sense.
    """
    overrides = Overrides(
        default=host_platform(),
        policy=arguments.layers,
        platforms=tuple(map(_platform, arguments.platforms)),
        origin=arguments.source,
    )
    return ResolveOptions(
        cache=_cache(arguments),
        sources=_sources(arguments),
        lock=LockOptions(overrides, Renew.ALL, os.environ, arguments.selftest),
        check=arguments.check,
    )


def _cache(arguments: BuildArguments | LockArguments) -> Cache:
    return Cache((arguments.cache or default_cache()).absolute())


def _sources(arguments: BuildArguments | LockArguments) -> SourceOptions:
    return SourceOptions(
        base=arguments.manifest.parent.absolute(),
        forced=arguments.source,
        ca_files=arguments.ca_files,
        plain_http=frozenset(arguments.plain_http),
        realms=frozenset(arguments.realms),
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


def default_cache() -> Path:
    """Return the build cache's place by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "moonlift"


def _platform(text: str) -> Platform:
    try:
        return Platform.parse(text)
    except MalformedPlatform as error:
        raise UsageError(error.code, str(error)) from error


def _signer(path: Path, passphrase_file: Path | None) -> Signer:
    return open_signer(path, partial(_passphrase, path, passphrase_file))


def _passphrase(key: Path, file: Path | None) -> bytes:
    if file is not None:
        return _read(file).rstrip(b"\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "signing-key-passphrase",
            f"{key} is encrypted and there is no terminal to ask for its passphrase",
            hint="give --passphrase-file, or load the key into ssh-agent and give its .pub",
        )
    return getpass.getpass(f"Passphrase of {key}: ").encode()


def new_passphrase() -> bytes | None:
    """Ask twice for a new key's passphrase; empty means none.

    Raises:
        UsageError: no terminal, or the two differ.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "signing-key-passphrase",
            "expected a terminal to ask for a passphrase",
            hint="for a key without one: --no-passphrase",
        )
    first = getpass.getpass("Passphrase of the new key (empty for none): ")
    if first != getpass.getpass("Once more: "):
        raise UsageError("signing-key-passphrase", "the two passphrases differ")
    return first.encode() or None


def judge_of(allowed_signers: Path | None, keys: tuple[Path, ...], threshold: int) -> Judge:
    """Return who must have signed: these keys, this list, or this host's own list.

    Raises:
        UsageError: `trust-none`: nothing says who is trusted.
    """
    allowed = [AllowedSigner((path.name,), public_key(path)) for path in keys]
    if allowed_signers is None and not keys and HOST_SIGNERS.exists():
        allowed_signers = HOST_SIGNERS
    if allowed_signers is not None:
        allowed += parse_signers(_read(allowed_signers, limit=MAX_BYTES))
    if not allowed:
        raise UsageError(
            "trust-none",
            "expected to be told who may sign",
            hint="add -k release.key.pub, or --allowed-signers FILE",
        )
    return trusted_signers(allowed, threshold, datetime.now(UTC))


def public_key(path: Path) -> PublicKey:
    """Return the public half of a key, given by either half's file.

    Raises:
        UsageError: `file-unreadable`.
        MalformedInput: it is no key.
    """
    public = path if path.suffix == ".pub" else path.with_name(f"{path.name}.pub")
    return PublicKey.from_line(_read(public).decode("utf-8", errors="replace").strip())


def _read(path: Path, *, limit: int = KEY_FILE_LIMIT) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError("file-unreadable", f"{path}: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError("file-unreadable", f"{path}: expected at most {limit} bytes")
    return data
