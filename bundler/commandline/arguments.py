"""What the command line says, turned into what the lookup of images takes."""

from __future__ import annotations

import os

from bundler.cache import Cache, default_cache
from bundler.commandline.typed import BuildArguments, LockArguments
from bundler.discover.merge import Overrides
from bundler.locking.appfiles import host_platform
from bundler.locking.pins import Renew
from bundler.locking.relock import LockOptions
from bundler.sources.choose import SourceOptions
from bundler.verbs.resolve import ResolveOptions
from manifests.errors import UsageError
from manifests.platform import MalformedPlatform, Platform


def resolve_options(arguments: LockArguments) -> ResolveOptions:
    """Check and convert.

    Raises:
        UsageError: an option makes no sense.
    """
    overrides = Overrides(
        default=host_platform(),
        policy=arguments.layers,
        platforms=tuple(map(platform_of, arguments.platforms)),
        origin=arguments.source,
    )
    return ResolveOptions(
        cache=cache_of(arguments),
        sources=sources_of(arguments),
        lock=LockOptions(overrides, Renew.ALL, os.environ, arguments.selftest),
        check=arguments.check,
    )


def cache_of(arguments: BuildArguments | LockArguments) -> Cache:
    """Return the build cache that was named, or this person's own."""
    return Cache((arguments.cache or default_cache()).absolute())


def sources_of(arguments: BuildArguments | LockArguments) -> SourceOptions:
    """Return where images shall come from."""
    return SourceOptions(
        base=arguments.manifest.parent.absolute(),
        forced=arguments.source,
        ca_files=arguments.ca_files,
        plain_http=frozenset(arguments.plain_http),
        realms=frozenset(arguments.realms),
    )


def platform_of(text: str) -> Platform:
    """Return a platform that was typed.

    Raises:
        UsageError: `platform-malformed`.
    """
    try:
        return Platform.parse(text)
    except MalformedPlatform as error:
        raise UsageError(error.code, str(error)) from error
