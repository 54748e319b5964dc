"""SSH public keys that may seal a bundle, and the wire format they are written in.

Owns the wire format (RFC 4251 section 5), the three key types we take and the checks that a key
is sound. Does not read files, does not know who is trusted.

Ed25519: RFC 8709; ECDSA P-256: RFC 5656; security keys: OpenSSH's PROTOCOL.u2f.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey

from manifests.errors import UsageError
from manifests.safetext import safe_line

MAX_LINE: Final = 8192
"""Characters of one line that holds a key."""

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of Ed25519's base point."""
_ORDER_8_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})
"""The y coordinates of the eight points whose order divides the cofactor."""

_CURVE_NAME: Final = b"nistp256"
_SK_APPLICATION: Final = b"ssh:"


class KeyType(StrEnum):
    """The key types that may seal a bundle."""

    ED25519 = "ssh-ed25519"
    ECDSA_P256 = "ecdsa-sha2-nistp256"
    SK_ED25519 = "sk-ssh-ed25519@openssh.com"


class MalformedKey(UsageError, ValueError):
    """A text or blob that is not a public key that we take.

    Codes: `key-malformed`, and `key-type` for a sound key of another type.
    """


class MalformedWire(ValueError):
    """Bytes that are not SSH wire data; caught by whoever knows what was being read."""


class WireReader:
    """A cursor over SSH wire data that never reads past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if count > len(self._data) - self._at:
            raise MalformedWire(f"{count} bytes expected at offset {self._at}, cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def uint32(self) -> int:
        """Return the next big-endian number."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Return the next length-prefixed string."""
        return self.take(self.uint32())

    def mpint(self) -> int:
        """Return the next number; it must be positive and written without spare zero bytes."""
        data = self.string()
        value = int.from_bytes(data, "big")
        if pack_mpint(value) != pack_string(data) or value == 0:
            raise MalformedWire("a number is zero, negative or padded")
        return value

    def end(self) -> None:
        """Refuse bytes after the last field."""
        if self._at != len(self._data):
            raise MalformedWire(f"{len(self._data) - self._at} bytes too many")


def pack_string(data: bytes) -> bytes:
    """Return `data` with its length before it."""
    return len(data).to_bytes(4, "big") + data


def pack_mpint(value: int) -> bytes:
    """Return a number of zero or more in its one wire form."""
    return pack_string(value.to_bytes((value.bit_length() + 8) // 8 if value else 0, "big"))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A sound public key; can't hold anything else.

    Attributes:
        blob: the key as it stands on the wire: what fingerprints are taken of.
        key_type: one of the three we take.
        point: the bare key, by which signers are counted: 32 bytes, or 65 for P-256.
        application: what a security key was asked to sign for; empty for the other types.
    """

    blob: bytes
    key_type: KeyType = field(init=False, compare=False)
    point: bytes = field(init=False, compare=False, repr=False)
    application: bytes = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        reader = WireReader(self.blob)
        try:
            key_type = _known_type(reader.string().decode("latin-1"))
            point, application = _fields(reader, key_type)
            reader.end()
        except MalformedWire as err:
            raise MalformedKey("key-malformed", f"not a public key: {err}") from err
        for name, value in (
            ("key_type", key_type),
            ("point", point),
            ("application", application),
        ):
            object.__setattr__(self, name, value)

    @classmethod
    def from_blob(cls, blob: bytes) -> PublicKey:
        """Parse a key as it stands on the wire.

        Raises:
            MalformedKey: damaged, or of a type that we do not take.
        """
        return cls(blob)

    @classmethod
    def from_line(cls, line: str) -> PublicKey:
        """Parse `<type> <base64> [comment]`, the one line of a `.pub` file.

        Raises:
            MalformedKey: damaged, or of a type that we do not take.
        """
        words = line.strip().split(None, 2) if len(line) <= MAX_LINE else []
        if len(words) < 2 or "\n" in line.strip():
            raise MalformedKey(
                "key-malformed",
                f"expected one line '<type> <base64> [comment]', found {line[:100]!r}",
            )
        return cls.from_words(words[0], words[1])

    @classmethod
    def from_words(cls, type_name: str, encoded: str) -> PublicKey:
        """Parse the type and the base64 text of a key.

        Raises:
            MalformedKey: damaged, or of a type that we do not take.
        """
        _known_type(type_name)
        key = cls(_decode_base64(encoded))
        if key.key_type != type_name:
            raise MalformedKey(
                "key-malformed", f"the line says {type_name}, the key itself {key.key_type}"
            )
        return key

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and 43 characters, as ssh-keygen shows it."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """`<type> <base64>`, as in a `.pub` file, without a comment."""
        return f"{self.key_type} {base64.b64encode(self.blob).decode()}"


def check_ed25519_point(point: bytes) -> None:
    """Refuse 32 bytes that encode no point, or one of small order that any message fits.

    Raises:
        MalformedWire: with the reason.
    """
    if len(point) != 32:
        raise MalformedWire(f"an ed25519 point has 32 bytes, found {len(point)}")
    y = int.from_bytes(point, "little") & (2**255 - 1)
    if y >= _P:
        raise MalformedWire("an ed25519 point is not in its one canonical form")
    if y in _SMALL_ORDER_Y:
        raise MalformedWire("an ed25519 point of small order")


def check_ed25519_signature(signature: bytes) -> None:
    """Refuse bytes that no honest signer makes, though some verifiers would take them.

    Raises:
        MalformedWire: with the reason.
    """
    if len(signature) != 64:
        raise MalformedWire(f"an ed25519 signature has 64 bytes, found {len(signature)}")
    check_ed25519_point(signature[:32])
    if int.from_bytes(signature[32:], "little") >= _L:
        raise MalformedWire("an ed25519 signature whose S is not reduced")


def _known_type(name: str) -> KeyType:
    try:
        return KeyType(name)
    except ValueError as err:
        known = ", ".join(KeyType)
        raise MalformedKey(
            "key-type", f"expected a key of type {known}; found {safe_line(name, limit=80)}"
        ) from err


def _fields(reader: WireReader, key_type: KeyType) -> tuple[bytes, bytes]:
    if key_type is KeyType.ECDSA_P256:
        return _p256_point(reader), b""
    point = reader.string()
    check_ed25519_point(point)
    if key_type is KeyType.ED25519:
        return point, b""
    application = reader.string()
    if not application.startswith(_SK_APPLICATION) or not application.isascii():
        raise MalformedWire(f"a security key for {application[:80]!r}, expected ssh:...")
    return point, application


def _p256_point(reader: WireReader) -> bytes:
    curve = reader.string()
    if curve != _CURVE_NAME:
        raise MalformedWire(f"expected curve nistp256, found {curve[:40]!r}")
    point = reader.string()
    if len(point) != 65:
        raise MalformedWire(f"an uncompressed P-256 point has 65 bytes, found {len(point)}")
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as err:
        raise MalformedWire("a point that is not on the curve P-256") from err
    return point


def _decode_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedKey("key-malformed", f"the key is not base64: {text[:100]!r}") from err
    if base64.b64encode(data).decode() != text:
        raise MalformedKey("key-malformed", "the key is not in the one canonical base64 form")
    return data
