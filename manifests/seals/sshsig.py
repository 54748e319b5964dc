"""OpenSSH file signatures (SSHSIG): the seal on a bundle.

Owns the armour, the blob inside it and the check of one signature against one message. Does not
read files, does not know who is trusted: `manifests.seals.signers` counts.

Format: OpenSSH's PROTOCOL.sshsig; security keys: PROTOCOL.u2f. Stricter than `ssh-keygen -Y
verify` on purpose: a signature has exactly one armoured form, the one that ssh-keygen writes;
points of small order, padded numbers and security-key signatures made without a touch are
refused; certificates and RSA keys are not taken.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final, assert_never

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from manifests.errors import BundleRefused
from manifests.seals.sshkey import (
    KeyType,
    MalformedKey,
    MalformedWire,
    PublicKey,
    WireReader,
    check_ed25519_signature,
    pack_mpint,
    pack_string,
)

__all__ = [
    "HASH_ALGORITHM",
    "MAX_SIGNATURES",
    "MAX_SIGNATURE_BYTES",
    "NAMESPACE",
    "KeyType",
    "PublicKey",
    "Signature",
    "armour",
    "raw_ecdsa",
    "raw_ed25519",
    "signed_data",
    "verify",
]

NAMESPACE: Final = "moonlift-bundle"
"""What our signatures are for; keeps a login or a git signature from passing as ours."""
MAX_SIGNATURE_BYTES: Final = 16 * 1024
"""Bytes of one armoured signature; ssh-keygen writes about 300."""
MAX_SIGNATURES: Final = 64
"""Signatures beside one SHA256SUMS."""
HASH_ALGORITHM: Final = "sha512"
"""What we sign with, as ssh-keygen does; sha256 is taken too."""

_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASHES: Final = frozenset({"sha256", "sha512"})
_BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----\n"
_END: Final = b"-----END SSH SIGNATURE-----\n"
_COLUMNS: Final = 70
_NAMESPACE_GRAMMAR: Final = re.compile(rb"[!-~]{1,255}")
_USER_PRESENT: Final = 0x01


@dataclass(frozen=True, slots=True)
class Signature:
    """One parsed signature: sound in form, not yet checked against anything.

    Attributes:
        public_key: the key that the signature says it is by; not yet trusted.
        namespace: what it was made for.
        hash_algorithm: sha256 or sha512.
        raw: the innermost signature as it stands on the wire, its type name included.
    """

    public_key: PublicKey
    namespace: str
    hash_algorithm: str
    raw: bytes

    @classmethod
    def parse(cls, armoured: bytes) -> Signature:
        """Parse the bytes of a `.sig` file.

        Raises:
            BundleRefused: `signature-malformed`, `signature-key-type`, `signature-namespace`.
        """
        blob = _unarmour(armoured)
        try:
            return _parse_blob(blob)
        except MalformedWire as err:
            raise _malformed(str(err)) from err


def armour(signature: Signature) -> bytes:
    """Return the bytes of a `.sig` file, exactly those that ssh-keygen writes."""
    fields = (
        signature.public_key.blob,
        signature.namespace.encode(),
        b"",
        signature.hash_algorithm.encode(),
        signature.raw,
    )
    return _armour_blob(_MAGIC + _VERSION.to_bytes(4, "big") + b"".join(map(pack_string, fields)))


def signed_data(
    message: bytes, *, namespace: str = NAMESPACE, hash_algorithm: str = HASH_ALGORITHM
) -> bytes:
    """Return what the key really signs: namespace, hash name and the message's hash."""
    message_hash = hashlib.new(hash_algorithm, message).digest()
    fields = (namespace.encode(), b"", hash_algorithm.encode(), message_hash)
    return _MAGIC + b"".join(map(pack_string, fields))


def raw_ed25519(signature: bytes) -> bytes:
    """Wrap the 64 bytes that an Ed25519 private key returns."""
    return pack_string(KeyType.ED25519.encode()) + pack_string(signature)


def raw_ecdsa(r: int, s: int) -> bytes:
    """Wrap the two numbers that a P-256 private key returns."""
    return pack_string(KeyType.ECDSA_P256.encode()) + pack_string(pack_mpint(r) + pack_mpint(s))


def verify(signature: Signature, message: bytes, *, namespace: str = NAMESPACE) -> None:
    """Return if `signature` is by its own key, over `message`, for `namespace`.

    The caller still has to find out whether that key is trusted.

    Raises:
        BundleRefused: `signature-namespace`, `signature-invalid`, `signature-malformed`.
    """
    if signature.namespace != namespace:
        raise BundleRefused(
            "signature-namespace",
            f"expected a signature for {namespace!r}, found one for {signature.namespace!r}",
            expected=namespace,
            found=signature.namespace,
        )
    data = signed_data(message, namespace=namespace, hash_algorithm=signature.hash_algorithm)
    try:
        _verify_raw(signature.public_key, signature.raw, data)
    except MalformedWire as err:
        raise _malformed(str(err)) from err
    except (InvalidSignature, ValueError) as err:
        raise _invalid(
            signature.public_key, "the signed bytes or the signature were changed"
        ) from err


def _unarmour(armoured: bytes) -> bytes:
    if len(armoured) > MAX_SIGNATURE_BYTES:
        raise _malformed(f"larger than {MAX_SIGNATURE_BYTES} bytes")
    if not (armoured.startswith(_BEGIN) and armoured.endswith(b"\n" + _END)):
        raise _malformed("expected BEGIN SSH SIGNATURE ... END SSH SIGNATURE and nothing else")
    body = armoured[len(_BEGIN) : -len(_END)]
    try:
        blob = base64.b64decode(body.replace(b"\n", b""), validate=True)
    except binascii.Error as err:
        raise _malformed(f"not base64: {err}") from err
    if _armour_blob(blob) != armoured:
        raise _malformed(f"not in the one canonical form: base64 in lines of {_COLUMNS}")
    return blob


def _armour_blob(blob: bytes) -> bytes:
    text = base64.b64encode(blob)
    lines = (text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS))
    return _BEGIN + b"".join(line + b"\n" for line in lines) + _END


def _parse_blob(blob: bytes) -> Signature:
    reader = WireReader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise MalformedWire("does not start with SSHSIG")
    version = reader.uint32()
    if version != _VERSION:
        raise MalformedWire(f"expected version {_VERSION}, found {version}")
    public_key = _parse_key(reader.string())
    namespace = _parse_namespace(reader.string())
    if reader.string():
        raise MalformedWire("the reserved field is not empty")
    hash_algorithm = _parse_hash(reader.string())
    raw = reader.string()
    reader.end()
    _parse_raw(public_key.key_type, raw)
    return Signature(public_key, namespace, hash_algorithm, raw)


def _parse_key(blob: bytes) -> PublicKey:
    try:
        return PublicKey.from_blob(blob)
    except MalformedKey as err:
        if err.code == "key-type":
            raise BundleRefused("signature-key-type", f"signature: {err}") from err
        raise _malformed(str(err)) from err


def _parse_namespace(data: bytes) -> str:
    if not _NAMESPACE_GRAMMAR.fullmatch(data):
        raise BundleRefused(
            "signature-namespace",
            f"expected a namespace of 1 to 255 printable characters, found {data[:80]!r}",
        )
    return data.decode("ascii")


def _parse_hash(data: bytes) -> str:
    name = data.decode("latin-1")
    if name not in _HASHES:
        raise MalformedWire(f"expected hash sha256 or sha512, found {name[:40]!r}")
    return name


@dataclass(frozen=True, slots=True)
class _Raw:
    """The fields of the innermost signature; those that its type lacks are empty."""

    bare: bytes
    flags: int = 0
    suffix: bytes = b""


def _parse_raw(key_type: KeyType, raw: bytes) -> _Raw:
    reader = WireReader(raw)
    name = reader.string()
    if name != key_type.encode():
        raise MalformedWire(f"a {key_type} key with a signature of type {name[:40]!r}")
    bare = reader.string()
    parsed = _Raw(_dss_signature(bare) if key_type is KeyType.ECDSA_P256 else bare)
    if key_type is not KeyType.ECDSA_P256:
        check_ed25519_signature(bare)
    if key_type is KeyType.SK_ED25519:
        suffix = reader.take(5)
        parsed = _Raw(bare, flags=suffix[0], suffix=suffix)
    reader.end()
    return parsed


def _dss_signature(bare: bytes) -> bytes:
    reader = WireReader(bare)
    numbers = reader.mpint(), reader.mpint()
    reader.end()
    return encode_dss_signature(*numbers)


def _verify_raw(key: PublicKey, raw: bytes, data: bytes) -> None:
    parsed = _parse_raw(key.key_type, raw)
    match key.key_type:
        case KeyType.ED25519:
            Ed25519PublicKey.from_public_bytes(key.point).verify(parsed.bare, data)
        case KeyType.SK_ED25519:
            _verify_security_key(key, parsed, data)
        case KeyType.ECDSA_P256:
            public = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), key.point)
            public.verify(parsed.bare, data, ECDSA(SHA256()))
        case _:
            assert_never(key.key_type)


def _verify_security_key(key: PublicKey, parsed: _Raw, data: bytes) -> None:
    if not parsed.flags & _USER_PRESENT:
        raise _invalid(key, "the security key signed without being touched")
    application = hashlib.sha256(key.application).digest()
    asserted = application + parsed.suffix + hashlib.sha256(data).digest()
    Ed25519PublicKey.from_public_bytes(key.point).verify(parsed.bare, asserted)


def _malformed(reason: str) -> BundleRefused:
    return BundleRefused("signature-malformed", f"signature: {reason}")


def _invalid(key: PublicKey, reason: str) -> BundleRefused:
    return BundleRefused(
        "signature-invalid",
        f"the signature by {key.fingerprint} does not hold: {reason}",
        fingerprint=key.fingerprint,
    )
