"""What goes wrong with a registry, in words: every message of the registry client is made here.

A message names the registry and what was asked of it, never a query, a header or a credential.
`said` is what a registry wrote, already made safe by `faults`.
"""

from __future__ import annotations

from bundler.sources.registry.url import MalformedUrl, Origin, Url
from manifests.digest import Digest
from manifests.errors import AppManifestError, SourceFailed
from manifests.oci import Descriptor
from manifests.reference import Reference
from manifests.safetext import safe_line


def unreachable(origin: Origin, reason: str) -> SourceFailed:
    """No connection, or one that broke."""
    return SourceFailed(
        "registry-unreachable",
        f"{origin.authority}: {reason}",
        hint="check the registry's name, the network and HTTPS_PROXY / NO_PROXY",
        registry=origin.authority,
    )


def closed(origin: Origin) -> SourceFailed:
    """We ended the connection ourselves."""
    return SourceFailed(
        "registry-closed", f"{origin.authority}: interrupted", registry=origin.authority
    )


def bad_answer(origin: Origin, what: str, *, hint: str = "") -> SourceFailed:
    """An answer that breaks the protocol."""
    return SourceFailed(
        "registry-error", f"{origin.authority}: {what}", hint=hint, registry=origin.authority
    )


def bad_status(origin: Origin, subject: str, status: int, said: str) -> SourceFailed:
    """A status that we can't go on with."""
    hint = "wait, or log in with `docker login` for a higher limit" if status == 429 else ""
    return SourceFailed(
        "registry-error",
        f"{origin.authority}: {subject}: expected status 200, found {status}{_in_brackets(said)}",
        hint=hint,
        registry=origin.authority,
        status=status,
    )


def not_found(reference: Reference, said: str) -> AppManifestError:
    """The registry has no such tag or digest."""
    return AppManifestError(
        "image-not-found",
        f"{reference.registry} has no image {reference}{_in_brackets(said)}",
        hint="check the spelling of repository and tag, and that the image was pushed",
        image=str(reference),
    )


def missing_content(reference: Reference, digest: Digest, said: str) -> SourceFailed:
    """A document or blob that a manifest names and that the registry has lost."""
    return SourceFailed(
        "registry-error",
        f"{reference.registry} has no {digest}, which {reference} consists of{_in_brackets(said)}",
        hint="the registry has lost a part of the image: push the image again",
        image=str(reference),
        digest=str(digest),
        status=404,
    )


def denied(reference: Reference, origin: Origin, said: str) -> AppManifestError:
    """The registry does not let us have it, with what it or our credential store said."""
    where = "" if reference.registry == "docker.io" else f" {reference.registry}"
    return AppManifestError(
        "image-denied",
        f"{origin.authority} refuses {reference}{_in_brackets(said)}",
        hint=f"check the spelling, then `docker login{where}`: registries also answer so for "
        "repositories that do not exist",
        image=str(reference),
    )


def schema1(reference: Reference) -> AppManifestError:
    """The oldest kind of manifest, whose digest covers neither config nor layers' order."""
    return AppManifestError(
        "image-schema1",
        f"{reference}: expected an OCI or Docker schema 2 manifest, found Docker schema 1, "
        "which no one can verify",
        hint="push the image again with Docker 1.10 or newer, or copy it with skopeo",
        image=str(reference),
    )


def malformed(subject: str, what: str) -> SourceFailed:
    """A document that is not what it should be."""
    return SourceFailed("document-malformed", f"{subject}: {what}", subject=subject)


def too_large(subject: str, limit: int) -> SourceFailed:
    """A document over its limit."""
    return SourceFailed(
        "document-too-large",
        f"{subject}: expected at most {limit} bytes, found more",
        subject=subject,
        expected=limit,
    )


def wrong_digest(subject: str, expected: Digest, found: Digest | str) -> SourceFailed:
    """Bytes that do not hash to their name."""
    return SourceFailed(
        "digest-mismatch",
        f"{subject}: expected {expected}, found {safe_line(str(found), limit=100)}",
        subject=subject,
        expected=str(expected),
        found=str(found),
    )


def wrong_size(subject: str, expected: int, found: str) -> SourceFailed:
    """More or fewer bytes than the descriptor says."""
    return SourceFailed(
        "size-mismatch",
        f"{subject}: expected {expected} bytes, found {found}",
        subject=subject,
        expected=expected,
    )


def foreign_layer(reference: Reference, descriptor: Descriptor) -> SourceFailed:
    """A layer that only an address in the manifest offers."""
    places = ", ".join(map(_shown, descriptor.urls[:3]))
    return SourceFailed(
        "foreign-layer",
        f"{reference}: layer {descriptor.digest} is not in {reference.registry}; its manifest "
        f"points to {places}, where we never fetch from",
        hint="push the image with its foreign layers to a registry of your own",
        image=str(reference),
    )


def plain_http_refused(origin: Origin, why: str) -> SourceFailed:
    """Unencrypted HTTP where nobody allowed it."""
    return SourceFailed(
        "registry-plain-http-refused",
        f"{origin.authority}: expected HTTPS, found plain HTTP: {why}",
        hint=f"if the network in between is trusted, allow it with --plain-http {origin.host}",
        registry=origin.authority,
    )


def realm_refused(registry: Origin, realm: str, why: str) -> SourceFailed:
    """A token service that the registry points to and that we don't believe."""
    return SourceFailed(
        "registry-realm-refused",
        f"{registry.authority} sends us to the token service {realm}: {why}",
        hint=f"if that service is {registry.host}'s, allow it with --realm HOST",
        registry=registry.authority,
        realm=realm,
    )


def untrusted(origin: Origin, reason: str) -> SourceFailed:
    """A certificate that no known authority vouches for."""
    return SourceFailed(
        "registry-tls",
        f"{origin.authority}: its certificate is not trusted: {reason}",
        hint="give the authority that signed it with --ca-file FILE",
        registry=origin.authority,
    )


def unusable_ca(origin: Origin, path: str) -> SourceFailed:
    """A file of authorities that can't be read or holds none."""
    return SourceFailed(
        "registry-tls",
        f"{origin.authority}: {path}: expected certificates in PEM, found none that can be read",
        hint="check the --ca-file",
        registry=origin.authority,
    )


def _in_brackets(said: str) -> str:
    return f" ({said})" if said else ""


def _shown(text: str) -> str:
    try:
        return safe_line(str(Url.parse(text)), limit=200)
    except MalformedUrl as error:
        return f"an address that is unusable ({error})"
