"""SSHSIG: every sound signature is taken, every other is refused, and ssh-keygen agrees.

Where we and ssh-keygen differ we are the stricter one, and the difference is listed in
`STRICTER`.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import BundleRefused
from manifests.seals.sshkey import (
    MAX_LINE,
    KeyType,
    MalformedKey,
    MalformedWire,
    PublicKey,
    WireReader,
    pack_mpint,
    pack_string,
)
from manifests.seals.sshsig import (
    MAX_SIGNATURE_BYTES,
    NAMESPACE,
    Signature,
    armour,
    raw_ed25519,
    signed_data,
    verify,
)
from tests.support.ssh import (
    SOFTWARE_TYPES,
    Oracle,
    SoftToken,
    build_blob,
    keygen_sign,
    make_key,
    public_key,
)

MESSAGE = b"0" * 64 + b"  release.json\n"
BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
END = b"-----END SSH SIGNATURE-----\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("keys")
    return {kind: make_key(directory, kind) for kind in SOFTWARE_TYPES}


@pytest.fixture(scope="module")
def signatures(keys: dict[str, Path]) -> dict[str, bytes]:
    made = {kind: keygen_sign(key, MESSAGE) for kind, key in keys.items()}
    return {**made, "sk": SoftToken.new().sign(MESSAGE)}


@pytest.fixture
def oracle(tmp_path: Path) -> Oracle:
    return Oracle(tmp_path)


def wrap(blob: bytes, columns: int = 70) -> bytes:
    text = base64.b64encode(blob)
    lines = [text[at : at + columns] + b"\n" for at in range(0, len(text), columns)]
    return BEGIN + b"".join(lines) + END


def refusal(armoured: bytes, message: bytes = MESSAGE) -> str:
    """Return the code we refuse with, empty if we accept."""
    try:
        verify(Signature.parse(armoured), message)
    except BundleRefused as err:
        return err.code
    return ""


# --- sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*SOFTWARE_TYPES, "sk"])
def test_sound_signature_is_taken_by_both(
    kind: str, signatures: dict[str, bytes], oracle: Oracle
) -> None:
    signature = Signature.parse(signatures[kind])
    verify(signature, MESSAGE)
    assert oracle.accepts(signatures[kind], MESSAGE, signature.public_key)


@pytest.mark.parametrize("kind", [*SOFTWARE_TYPES, "sk"])
def test_armour_is_byte_identical(kind: str, signatures: dict[str, bytes]) -> None:
    assert armour(Signature.parse(signatures[kind])) == signatures[kind]


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_sha256_prehash_is_taken(kind: str, keys: dict[str, Path]) -> None:
    armoured = keygen_sign(keys[kind], MESSAGE, NAMESPACE, "-Ohashalg=sha256")
    assert Signature.parse(armoured).hash_algorithm == "sha256"
    assert refusal(armoured) == ""


@pytest.mark.parametrize("message", [b"", b"\0", b"x" * 1_000_000])
def test_any_message(message: bytes, keys: dict[str, Path]) -> None:
    assert refusal(keygen_sign(keys["ed25519"], message), message) == ""


@pytest.mark.parametrize("kind", SOFTWARE_TYPES)
def test_fingerprint_is_ssh_keygens(kind: str, keys: dict[str, Path]) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(keys[kind])], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[1] == public_key(keys[kind]).fingerprint


@pytest.mark.parametrize("flags", [0x01, 0x05])
def test_touched_security_key_is_taken(flags: int, oracle: Oracle) -> None:
    token = SoftToken.new()
    armoured = token.sign(MESSAGE, flags=flags, counter=2**32 - 1)
    assert refusal(armoured) == ""
    assert oracle.accepts(armoured, MESSAGE, token.public_key)


# --- refused: security keys -------------------------------------------------------------------


@pytest.mark.parametrize("flags", [0x00, 0x04, 0x80])
def test_untouched_security_key_is_refused(flags: int) -> None:
    armoured = SoftToken.new().sign(MESSAGE, flags=flags)
    with pytest.raises(BundleRefused, match="without being touched") as caught:
        verify(Signature.parse(armoured), MESSAGE)
    assert caught.value.code == "signature-invalid"


@pytest.mark.parametrize("at", [-1, -5])
def test_changed_counter_or_flags_are_refused(at: int, oracle: Oracle) -> None:
    token = SoftToken.new()
    raw = bytearray(token.sign_data(signed_data(MESSAGE)))
    raw[at] ^= 0x04
    armoured = wrap(build_blob(token.key_blob, bytes(raw)))
    assert refusal(armoured) == "signature-invalid"
    assert not oracle.accepts(armoured, MESSAGE, token.public_key)


@pytest.mark.parametrize("application", [b"", b"https://example.org", b"ssh:\xff"])
def test_security_key_for_something_else_is_refused(application: bytes) -> None:
    token = SoftToken.new(application)
    with pytest.raises(MalformedKey, match="ssh:"):
        PublicKey.from_blob(token.key_blob)
    armoured = wrap(build_blob(token.key_blob, token.sign_data(signed_data(MESSAGE))))
    assert refusal(armoured) == "signature-malformed"


def test_security_key_signature_of_another_application_is_refused() -> None:
    token, other = SoftToken.new(b"ssh:"), None
    other = SoftToken(token.secret, b"ssh:other")
    armoured = wrap(build_blob(token.key_blob, other.sign_data(signed_data(MESSAGE))))
    assert refusal(armoured) == "signature-invalid"


def test_signature_put_together_wrongly_is_refused(signatures: dict[str, bytes]) -> None:
    ed25519, ecdsa = (Signature.parse(signatures[kind]) for kind in SOFTWARE_TYPES)
    mixed = Signature(ed25519.public_key, NAMESPACE, "sha512", ecdsa.raw)
    with pytest.raises(BundleRefused) as caught:
        verify(mixed, MESSAGE)
    assert caught.value.code == "signature-malformed"


# --- refused: the blob ------------------------------------------------------------------------

SECRET = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a test").digest())
POINT = SECRET.public_key().public_bytes_raw()
KEY_BLOB = pack_string(b"ssh-ed25519") + pack_string(POINT)
KEY = PublicKey.from_blob(KEY_BLOB)
BARE = SECRET.sign(signed_data(MESSAGE))
RAW = raw_ed25519(BARE)
GOOD = wrap(build_blob(KEY_BLOB, RAW))
ORDER = 2**252 + 27742317777372353535851937790883648493


def signed_for(namespace: bytes, hash_name: bytes = b"sha512") -> bytes:
    """Return a signature that is sound in all but the fields given."""
    digest = hashlib.new(hash_name.decode().lower(), MESSAGE).digest()
    data = b"SSHSIG" + b"".join(map(pack_string, (namespace, b"", hash_name, digest)))
    raw = raw_ed25519(SECRET.sign(data))
    return wrap(build_blob(KEY_BLOB, raw, namespace=namespace, hash_name=hash_name))


def unreduced() -> bytes:
    scalar = int.from_bytes(BARE[32:], "little") + ORDER
    return BARE[:32] + scalar.to_bytes(32, "little")


def blob_with_raw(raw: bytes) -> bytes:
    return wrap(build_blob(KEY_BLOB, raw))


def cert_key_blob() -> bytes:
    return pack_string(b"ssh-ed25519-cert-v01@openssh.com") + pack_string(POINT)


BLOBS: dict[str, tuple[bytes, str]] = {
    "wrong namespace": (signed_for(b"git"), "signature-namespace"),
    "empty namespace": (signed_for(b""), "signature-namespace"),
    "namespace with NUL": (signed_for(NAMESPACE.encode() + b"\0"), "signature-namespace"),
    "namespace with a line feed": (signed_for(b"moonlift-bundle\n"), "signature-namespace"),
    "namespace in capitals": (signed_for(b"Moonlift-Bundle"), "signature-namespace"),
    "long namespace": (signed_for(b"n" * 256), "signature-namespace"),
    "hash sha1": (signed_for(NAMESPACE.encode(), b"sha1"), "signature-malformed"),
    "hash md5": (signed_for(NAMESPACE.encode(), b"md5"), "signature-malformed"),
    "hash in capitals": (signed_for(NAMESPACE.encode(), b"SHA512"), "signature-malformed"),
    "hash sha384": (signed_for(NAMESPACE.encode(), b"sha384"), "signature-malformed"),
    "other hash": (wrap(build_blob(KEY_BLOB, RAW, hash_name=b"sha256")), "signature-invalid"),
    "empty hash": (wrap(build_blob(KEY_BLOB, RAW, hash_name=b"")), "signature-malformed"),
    "reserved": (wrap(build_blob(KEY_BLOB, RAW, reserved=b"x")), "signature-malformed"),
    "version 0": (wrap(build_blob(KEY_BLOB, RAW, version=0)), "signature-malformed"),
    "version 2": (wrap(build_blob(KEY_BLOB, RAW, version=2)), "signature-malformed"),
    "magic": (wrap(build_blob(KEY_BLOB, RAW, magic=b"SSHSIQ")), "signature-malformed"),
    "trailing byte": (wrap(build_blob(KEY_BLOB, RAW, trailer=b"\0")), "signature-malformed"),
    "trailing byte in raw": (blob_with_raw(RAW + b"\0"), "signature-malformed"),
    "trailing byte in key": (wrap(build_blob(KEY_BLOB + b"\0", RAW)), "signature-malformed"),
    "cut short": (wrap(build_blob(KEY_BLOB, RAW)[:-1]), "signature-malformed"),
    "empty blob": (wrap(b""), "signature-malformed"),
    "63 bytes": (blob_with_raw(raw_ed25519(BARE[:63])), "signature-malformed"),
    "65 bytes": (blob_with_raw(raw_ed25519(BARE + b"\0")), "signature-malformed"),
    "no bytes": (blob_with_raw(raw_ed25519(b"")), "signature-malformed"),
    "S + L": (blob_with_raw(raw_ed25519(unreduced())), "signature-malformed"),
    "S = L": (
        blob_with_raw(raw_ed25519(BARE[:32] + ORDER.to_bytes(32, "little"))),
        "signature-malformed",
    ),
    "S = 0": (blob_with_raw(raw_ed25519(BARE[:32] + bytes(32))), "signature-invalid"),
    "zero signature": (blob_with_raw(raw_ed25519(bytes(64))), "signature-malformed"),
    "raw of another type": (
        blob_with_raw(pack_string(b"ecdsa-sha2-nistp256") + pack_string(BARE)),
        "signature-malformed",
    ),
    "key of another type": (
        wrap(build_blob(pack_string(b"ssh-rsa") + pack_string(b"\3") * 2, RAW)),
        "signature-key-type",
    ),
    "certificate": (wrap(build_blob(cert_key_blob(), RAW)), "signature-key-type"),
    "other message": (
        blob_with_raw(raw_ed25519(SECRET.sign(signed_data(MESSAGE + b"x")))),
        "signature-invalid",
    ),
    "signs the message itself": (
        blob_with_raw(raw_ed25519(SECRET.sign(MESSAGE))),
        "signature-invalid",
    ),
    "huge length": (
        wrap(b"SSHSIG\0\0\0\1" + b"\xff\xff\xff\xff" + KEY_BLOB),
        "signature-malformed",
    ),
}

ARMOUR: dict[str, bytes] = {
    "empty": b"",
    "no begin": GOOD[len(BEGIN) :],
    "no end": GOOD[: -len(END)],
    "no final line feed": GOOD[:-1],
    "CRLF": GOOD.replace(b"\n", b"\r\n"),
    "text before": b"x\n" + GOOD,
    "blank line before": b"\n" + GOOD,
    "text after": GOOD + b"x\n",
    "blank line after": GOOD + b"\n",
    "two armours": GOOD + GOOD,
    "spaces in base64": GOOD.replace(b"\nU1NI", b"\nU1 NI"),
    "blank line within": GOOD.replace(BEGIN, BEGIN + b"\n"),
    "76 columns": wrap(build_blob(KEY_BLOB, RAW), 76),
    "one line": wrap(build_blob(KEY_BLOB, RAW), 100_000),
    "url-safe base64": GOOD.replace(b"U1NIU0lH", b"U1NIU0l_"),
    "comment header": GOOD.replace(BEGIN, BEGIN + b"Comment: hi\n\n"),
    "PEM of another kind": GOOD.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"),
    "five dashes short": GOOD.replace(b"-----END", b"----END"),
    "too large": BEGIN + b"A" * MAX_SIGNATURE_BYTES + b"\n" + END,
}

STRICTER = {
    "S + L",
    "no final line feed",
    "text after",
    "blank line after",
    "two armours",
    "spaces in base64",
    "blank line within",
    "76 columns",
    "one line",
    "reserved",
    "version 0",
}
"""What ssh-keygen takes and we refuse; nothing goes the other way."""


def test_handmade_signature_is_sound(oracle: Oracle) -> None:
    assert refusal(GOOD) == ""
    assert oracle.accepts(GOOD, MESSAGE, KEY)


@pytest.mark.parametrize("name", BLOBS)
def test_unsound_blob_is_refused(name: str, oracle: Oracle) -> None:
    armoured, code = BLOBS[name]
    assert refusal(armoured) == code
    assert oracle.accepts(armoured, MESSAGE, KEY) == (name in STRICTER)


@pytest.mark.parametrize("name", ARMOUR)
def test_unsound_armour_is_refused(name: str, oracle: Oracle) -> None:
    assert refusal(ARMOUR[name]) == "signature-malformed"
    assert oracle.accepts(ARMOUR[name], MESSAGE, KEY) == (name in STRICTER)


def test_base64_with_bits_left_over_is_refused() -> None:
    padded = next(
        armoured
        for extra in range(3)
        if b"==\n" in (armoured := signed_for(NAMESPACE.encode() + b"x" * extra))
    )
    at = padded.index(b"==\n") - 1
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = alphabet[alphabet.index(padded[at]) ^ 1]
    loose = padded[:at] + bytes([changed]) + padded[at + 1 :]
    assert base64.b64decode(b"".join(loose.split(b"\n")[1:-2])) == base64.b64decode(
        b"".join(padded.split(b"\n")[1:-2])
    )
    with pytest.raises(BundleRefused, match="canonical"):
        Signature.parse(loose)


def test_size_limit_is_exact() -> None:
    filler = BEGIN + b"A" * (MAX_SIGNATURE_BYTES - len(BEGIN) - len(END) - 1) + b"\n" + END
    with pytest.raises(BundleRefused, match="not base64"):
        Signature.parse(filler)
    with pytest.raises(BundleRefused, match="larger than"):
        Signature.parse(filler.replace(BEGIN, BEGIN + b"A"))


# --- refused: points of small order -----------------------------------------------------------

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME


def small_order_ys() -> set[int]:
    """Compute the y of every point whose order divides 8, from the curve's equation."""
    half = (PRIME + 1) // 2
    root = square_root((1 + D) % PRIME)
    eighth = {square_root((1 + sign * root) * pow(D, -1, PRIME) * -1) for sign in (1, -1)}
    eighth |= {square_root((-1 + sign * root) * pow(D, -1, PRIME)) for sign in (1, -1)}
    ys = {0, 1, PRIME - 1}
    for value in eighth:
        if value:
            ys |= {value, PRIME - value}
    assert half * 2 % PRIME == 1
    return {y for y in ys if order_divides_8(y)}


def square_root(value: int) -> int:
    """Return a square root modulo the prime, 0 if there is none."""
    value %= PRIME
    root = pow(value, (PRIME + 3) // 8, PRIME)
    if root * root % PRIME != value:
        root = root * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    return root if root * root % PRIME == value else 0


def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
    k = D * p[0] * q[0] * p[1] * q[1] % PRIME
    x = (p[0] * q[1] + q[0] * p[1]) * pow(1 + k, -1, PRIME)
    y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - k, -1, PRIME)
    return x % PRIME, y % PRIME


def x_of(y: int) -> int:
    return square_root((y * y - 1) * pow(D * y * y + 1, -1, PRIME))


def order_divides_8(y: int) -> bool:
    x = x_of(y)
    if (y * y - x * x - 1 - D * x * x * y * y) % PRIME:
        return False
    point = (x, y)
    for _ in range(3):
        point = add(point, point)
    return point == (0, 1)


def encodings(y: int) -> list[bytes]:
    """Return each form of the two points with this y, those that are not canonical too."""
    forms = [form for form in (y, y + PRIME) if form < 2**255]
    return [(form | sign << 255).to_bytes(32, "little") for form in forms for sign in (0, 1)]


SMALL = sorted(point for y in small_order_ys() for point in encodings(y))


def test_there_are_eight_small_points_in_fourteen_forms() -> None:
    assert len(small_order_ys()) == 5
    assert len(SMALL) == 14


@pytest.mark.parametrize("point", SMALL, ids=bytes.hex)
def test_key_of_small_order_is_refused(point: bytes) -> None:
    blob = pack_string(b"ssh-ed25519") + pack_string(point)
    with pytest.raises(MalformedKey):
        PublicKey.from_blob(blob)
    assert refusal(wrap(build_blob(blob, RAW))) == "signature-malformed"


@pytest.mark.parametrize("point", SMALL, ids=bytes.hex)
def test_signature_with_small_r_is_refused(point: bytes) -> None:
    assert refusal(blob_with_raw(raw_ed25519(point + BARE[32:]))) == "signature-malformed"


def test_identity_key_would_sign_everything() -> None:
    """Shows that the check above is needed: the library itself takes this one."""
    identity = (1).to_bytes(32, "little")
    base_point = bytes.fromhex("58" + "66" * 31)
    forged = base_point + (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(identity).verify(forged, signed_data(MESSAGE))
    blob = pack_string(b"ssh-ed25519") + pack_string(identity)
    assert refusal(wrap(build_blob(blob, raw_ed25519(forged)))) == "signature-malformed"


@pytest.mark.parametrize("y", [PRIME, PRIME + 3, 2**255 - 1])
def test_key_that_is_not_canonical_is_refused(y: int) -> None:
    with pytest.raises(MalformedKey, match="canonical"):
        PublicKey.from_blob(pack_string(b"ssh-ed25519") + pack_string((y).to_bytes(32, "little")))


# --- refused: P-256 ---------------------------------------------------------------------------


def ecdsa_parts(armoured: bytes) -> tuple[bytes, int, int]:
    signature = Signature.parse(armoured)
    reader = WireReader(signature.raw)
    reader.string()
    numbers = WireReader(reader.string())
    return signature.public_key.blob, numbers.mpint(), numbers.mpint()


def ecdsa_raw(*numbers: bytes) -> bytes:
    inner = b"".join(map(pack_string, numbers))
    return pack_string(b"ecdsa-sha2-nistp256") + pack_string(inner)


def test_p256_numbers_have_one_form(signatures: dict[str, bytes], oracle: Oracle) -> None:
    blob, r, s = ecdsa_parts(signatures["ecdsa"])
    key = PublicKey.from_blob(blob)
    good = [pack_mpint(number)[4:] for number in (r, s)]
    assert wrap(build_blob(blob, ecdsa_raw(*good))) == signatures["ecdsa"]
    for r_form, s_form, stricter in (
        (b"\0" + good[0], good[1], True),
        (good[0], b"\0\0" + good[1], True),
        (b"", good[1], False),
        (good[0], b"", False),
        (b"\0", good[1], False),
        (b"\xff" * 32, good[1], False),
    ):
        armoured = wrap(build_blob(blob, ecdsa_raw(r_form, s_form)))
        assert refusal(armoured) == "signature-malformed"
        assert oracle.accepts(armoured, MESSAGE, key) == stricter


def test_p256_numbers_out_of_range_are_refused(signatures: dict[str, bytes]) -> None:
    blob, r, s = ecdsa_parts(signatures["ecdsa"])
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for numbers in ((r, order), (order, s), (r, s + order), (1, 1), (s, r), (2**400, s)):
        raw = ecdsa_raw(*(pack_mpint(number)[4:] for number in numbers))
        assert refusal(wrap(build_blob(blob, raw))) == "signature-invalid"


@pytest.mark.parametrize(
    ("curve", "change"),
    [
        (b"nistp384", lambda point: point),
        (b"nistp256", lambda point: b"\x02" + point[1:33]),
        (b"nistp256", lambda point: b"\x06" + point[1:]),
        (b"nistp256", lambda point: point[:-1] + bytes([point[-1] ^ 1])),
        (b"nistp256", lambda _: b"\0"),
        (b"nistp256", lambda point: point + b"\0"),
    ],
)
def test_unsound_p256_key_is_refused(
    curve: bytes, change: Callable[[bytes], bytes], keys: dict[str, Path]
) -> None:
    point = public_key(keys["ecdsa"]).point
    fields = (b"ecdsa-sha2-nistp256", curve, change(point))
    with pytest.raises(MalformedKey):
        PublicKey.from_blob(b"".join(map(pack_string, fields)))


def test_ed25519_key_with_p256_signature_is_refused(signatures: dict[str, bytes]) -> None:
    raw = Signature.parse(signatures["ecdsa"]).raw
    assert refusal(wrap(build_blob(KEY_BLOB, raw))) == "signature-malformed"


# --- keys as text -----------------------------------------------------------------------------


def public_line_with_bits_left_over() -> str:
    """Return a security key's line, padded, with a last letter that decodes to the same."""
    line = SoftToken(SECRET, b"ssh:").public_key.line
    assert line.endswith("=")
    at = len(line.rstrip("=")) - 1
    return line[:at] + chr(ord(line[at]) + 1) + line[at + 1 :]


@pytest.mark.parametrize("kind", ["rsa", "ecdsa-sha2-nistp384"])
def test_key_of_another_type_is_refused_by_name(kind: str) -> None:
    with pytest.raises(MalformedKey, match=kind) as caught:
        PublicKey.from_line(f"{kind} AAAA me")
    assert caught.value.code == "key-type"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 ????",
        f"ssh-ed25519 {base64.b64encode(KEY_BLOB).decode().rstrip('=')}x",
        f"ecdsa-sha2-nistp256 {base64.b64encode(KEY_BLOB).decode()}",
        f"{KEY.line}\n{KEY.line}",
        f"{KEY.line} {'x' * MAX_LINE}",
        KEY.line.replace("AAAA", "AA AA", 1),
        KEY.line[:-2],
        public_line_with_bits_left_over(),
    ],
)
def test_unsound_key_line_is_refused(line: str) -> None:
    with pytest.raises(MalformedKey) as caught:
        PublicKey.from_line(line)
    assert caught.value.code == "key-malformed"


def test_key_line_round_trip() -> None:
    for line in (KEY.line, f"{KEY.line} with a comment", f"{KEY.line}\n"):
        assert PublicKey.from_line(line) == KEY
    assert KEY.key_type is KeyType.ED25519
    assert hash(KEY) == hash(PublicKey.from_blob(KEY_BLOB))


# --- every byte -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*SOFTWARE_TYPES, "sk"])
def test_every_changed_bit_of_a_signature_is_refused(
    kind: str, signatures: dict[str, bytes], oracle: Oracle
) -> None:
    good = signatures[kind]
    changed = [
        good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
        for at, bit in itertools.product(range(len(good)), range(8))
    ]
    assert [one for one in changed if not refusal(one)] == []
    key = Signature.parse(good).public_key
    sample = random.Random(kind).sample(changed, 40)
    assert [one for one in sample if oracle.accepts(one, MESSAGE, key) != loose(one, good)] == []


def loose(changed: bytes, good: bytes) -> bool:
    """Say whether only white space or what follows the end differs: ssh-keygen ignores both."""
    end = b"\n" + END[:-1]
    if not changed.startswith(BEGIN) or end not in changed:
        return False
    return changed.partition(end)[0].split() == good.partition(end)[0].split()


@pytest.mark.parametrize("kind", [*SOFTWARE_TYPES, "sk"])
def test_every_shortened_signature_is_refused(kind: str, signatures: dict[str, bytes]) -> None:
    good = signatures[kind]
    assert [at for at in range(len(good)) if not refusal(good[:at])] == []


def test_every_changed_byte_of_the_message_is_refused(keys: dict[str, Path]) -> None:
    line = b"0123456789abcdef" * 4 + b"  files/part-%02d\n"
    message = b"".join(line % number for number in range(25))
    armoured = keygen_sign(keys["ed25519"], message)
    signature = Signature.parse(armoured)
    verify(signature, message)
    for at in range(len(message)):
        changed = message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]
        with pytest.raises(BundleRefused):
            verify(signature, changed)


# --- generated --------------------------------------------------------------------------------


@pytest.mark.property
@settings(deadline=None)
@given(st.binary(max_size=400))
def test_only_refusals_come_out_of_any_bytes(data: bytes) -> None:
    for armoured in (data, wrap(data), wrap(b"SSHSIG\0\0\0\1" + data)):
        with pytest.raises(BundleRefused):
            Signature.parse(armoured)


@pytest.mark.property
@settings(deadline=None)
@given(
    key=st.sampled_from([KEY_BLOB, b"", pack_string(b"ssh-ed25519")]) | st.binary(max_size=60),
    raw=st.sampled_from([RAW, b""]) | st.binary(max_size=90),
    namespace=st.sampled_from([NAMESPACE.encode()]) | st.binary(max_size=9),
    reserved=st.sampled_from([b"", b"\0"]),
    hash_name=st.sampled_from([b"sha512", b"sha256", b"sha1", b"shake_128"]),
    trailer=st.sampled_from([b"", b"\0"]),
)
def test_any_fields_are_refused_or_sound(
    key: bytes, raw: bytes, namespace: bytes, reserved: bytes, hash_name: bytes, trailer: bytes
) -> None:
    blob = build_blob(
        key, raw, namespace=namespace, reserved=reserved, hash_name=hash_name, trailer=trailer
    )
    if refusal(wrap(blob)) == "":
        assert wrap(blob) == GOOD


@pytest.mark.property
@settings(deadline=None)
@given(st.binary(max_size=120))
def test_only_malformed_keys_come_out_of_any_blob(data: bytes) -> None:
    for blob in (data, pack_string(b"ecdsa-sha2-nistp256") + data):
        with pytest.raises(MalformedKey):
            PublicKey.from_blob(blob)


@pytest.mark.property
@settings(deadline=None)
@given(st.text(max_size=120))
def test_only_malformed_keys_come_out_of_any_line(text: str) -> None:
    with pytest.raises(MalformedKey):
        PublicKey.from_line(f"ssh-ed25519 {text}")


@pytest.mark.property
@settings(deadline=None)
@given(st.integers(min_value=1, max_value=2**600))
def test_numbers_round_trip(value: int) -> None:
    reader = WireReader(pack_mpint(value))
    assert reader.mpint() == value
    reader.end()


def test_reader_never_reads_past_the_end() -> None:
    with pytest.raises(MalformedWire, match="cut short"):
        WireReader(b"\0\0\0\5abcd").string()
