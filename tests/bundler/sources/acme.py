"""The image `acme/app` that the hostile tests ask for, and the usual ways to ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bundler.sources.registry import RegistryOptions, RegistrySource
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.mediatype import MediaType
from manifests.oci import Descriptor
from manifests.reference import Reference
from tests.bundler.sources.fakes import Answer, FakeClock, FakeRegistry, Script, Seen, serve
from tests.support.layers import noise

OCI = str(MediaType.OCI_MANIFEST)
BLOB = noise(7, 700_000)
BASIC = "Basic YW5uOmNhbmFyeS1zM2NyZXQ="
"""What fixture `docker_login` stores."""
LAYER = Descriptor(str(MediaType.OCI_LAYER_GZIP), Digest.of(BLOB), len(BLOB))
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [],
    }
).encode()
HEAVY = Descriptor(OCI, Digest.of(MANIFEST), len(MANIFEST))


def manifest(body: bytes = MANIFEST, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, body, {"Content-Type": OCI, **named})


def part(seen: Seen, data: bytes = BLOB) -> Answer:
    """Answer as a good registry does, ranges included."""
    wanted = seen.headers["Range"]
    if wanted is None:
        return Answer(200, data)
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    span = f"bytes {start}-{len(data) - 1}/{len(data)}"
    return Answer(206, data[start:], {"Content-Range": span})


def source_of(clock: FakeClock | None = None, **options: Any) -> RegistrySource:
    options.setdefault("environment", {})
    return RegistrySource(RegistryOptions(**options), clock or FakeClock())


def image(fake: FakeRegistry, suffix: str = ":1") -> Reference:
    return Reference.parse(f"{fake.address}/acme/app{suffix}")


def fetch(source: RegistrySource, reference: Reference, layer: Descriptor = LAYER) -> bytes:
    got = bytearray()
    with source.open_blob(reference, layer) as blob:
        while data := blob.read(50_000):
            got += data
            assert len(got) <= layer.size
    return bytes(got)


def refusal(script: Script, act: Callable[[RegistrySource, Reference], object]) -> MoonliftError:
    with serve(script) as fake, pytest.raises(MoonliftError) as caught:
        act(source_of(), image(fake))
    return caught.value


def resolve(source: RegistrySource, reference: Reference) -> object:
    return source.resolve(reference)


def guarded(realm: str, scope: str = "", value: str = "t0ken") -> Script:
    """Serve what is asked for to whoever brings `value`; tell others where to get it."""
    more = f',service="reg",scope="{scope}"' if scope else ""

    def script(seen: Seen) -> Answer:
        if seen.authorization != f"Bearer {value}":
            return Answer(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"{more}'})
        return manifest() if "/manifests/" in seen.path else part(seen)

    return script


def token(value: str = "t0ken", **more: object) -> Answer:
    return Answer(200, json.dumps({"token": value, **more}).encode())
