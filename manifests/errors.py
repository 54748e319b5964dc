"""The one error tree, and the exit code that each branch ends with.

    MoonliftError
    |- UsageError             2  the command line
    |- BundleRefused         10  signature, integrity, downgrade, expiry
    |- MalformedInput        10  a document that is not what it should be, wherever it came from
    |- NotInstallableHere    11  platform, space, no engine, requirements
    |- EngineFailed          12
    |- SelftestFailed        13
    |- StartFailed           14
    |- AppManifestError      20  app manifest wrong, or an image can't be resolved
    `- SourceFailed          21  registry or another source failed

An error's message says what was expected, what was found and where; `hint` says the next
command. Nothing here prints or exits: only a `cli` module does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import ClassVar, Final

from manifests.safetext import safe_text

MESSAGE_LIMIT: Final = 4096
"""Characters of one problem's message."""


class ExitCode(IntEnum):
    """What a process ends with; documented in README, stable for scripts."""

    DONE = 0
    USAGE = 2
    BUNDLE_REFUSED = 10
    NOT_INSTALLABLE = 11
    ENGINE_FAILED = 12
    SELFTEST_FAILED = 13
    START_FAILED = 14
    APP_MANIFEST = 20
    SOURCE_FAILED = 21
    BUG = 70
    INTERRUPTED = 130


class MoonliftError(Exception):
    """An expected failure: a value for people and scripts, never a traceback.

    Attributes:
        code: kebab-case, stable, documented in docs/errors.md.
        context: named facts (paths, digests, sizes in bytes), for `--json`.
        hint: the next command or step; empty when there is none.
        parts: the single problems, where several were found in one run.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        parts: Sequence[MoonliftError] = (),
        **context: str | int | None,
    ) -> None:
        super().__init__(safe_text(message, limit=MESSAGE_LIMIT * (1 + len(parts))))
        self.parts = tuple(parts)
        self.code = code
        self.hint = safe_text(hint, limit=2048)
        self.context: Mapping[str, str | int] = MappingProxyType(
            {
                name: safe_text(value) if isinstance(value, str) else value
                for name, value in context.items()
                if value is not None
            }
        )


class UsageError(MoonliftError):
    """The command line asks for something that makes no sense."""

    exit_code = ExitCode.USAGE


class BundleRefused(MoonliftError):
    """The bundle is not what a trusted signer signed, or must not be installed."""

    exit_code = ExitCode.BUNDLE_REFUSED


class MalformedInput(MoonliftError, ValueError):
    """A foreign text or document that breaks its grammar.

    On a host it came from a bundle, which is refused; the building side turns it into
    SourceFailed or AppManifestError where it knows whose it was.
    """

    exit_code = ExitCode.BUNDLE_REFUSED


class NotInstallableHere(MoonliftError):
    """The bundle is good, but this host can't take it."""

    exit_code = ExitCode.NOT_INSTALLABLE


class EngineFailed(MoonliftError):
    """The container engine refused, broke off, or holds something else than was signed."""

    exit_code = ExitCode.ENGINE_FAILED


class SelftestFailed(MoonliftError):
    """A device computes wrongly or not at all."""

    exit_code = ExitCode.SELFTEST_FAILED


class StartFailed(MoonliftError):
    """The app did not start or is unhealthy."""

    exit_code = ExitCode.START_FAILED


class AppManifestError(MoonliftError):
    """The app manifest is wrong, or an image can't be resolved."""

    exit_code = ExitCode.APP_MANIFEST


class SourceFailed(MoonliftError):
    """A registry or another source of images failed."""

    exit_code = ExitCode.SOURCE_FAILED
