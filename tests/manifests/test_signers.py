"""Allowed signers and the count of seals, with ssh-keygen as second opinion on every line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import BundleRefused, MoonliftError
from manifests.seals.allowedsigners import MAX_BYTES
from manifests.seals.signers import (
    AcceptedSigner,
    AllowedSigner,
    MalformedSigners,
    SealCheck,
    count_valid,
    distinct_keys,
    is_principal,
    parse_signers,
)
from manifests.seals.sshkey import PublicKey, pack_string
from manifests.seals.sshsig import (
    MAX_SIGNATURES,
    NAMESPACE,
    Signature,
    armour,
    raw_ed25519,
    signed_data,
)
from tests.support.ssh import IDENTITY, Oracle, SoftToken, keygen_sign, make_key, public_key

MESSAGE = b"0" * 64 + b"  release.json\n"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RSA = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQC7"


class SoftKey:
    """An Ed25519 key in memory."""

    def __init__(self) -> None:
        self.secret = Ed25519PrivateKey.generate()
        point = self.secret.public_key().public_bytes_raw()
        self.public = PublicKey.from_blob(pack_string(b"ssh-ed25519") + pack_string(point))

    def sign(self, message: bytes = MESSAGE, namespace: str = NAMESPACE) -> bytes:
        raw = raw_ed25519(self.secret.sign(signed_data(message, namespace=namespace)))
        return armour(Signature(self.public, namespace, "sha512", raw))


ALICE, BOB, CAROL, MALLORY = (SoftKey() for _ in range(4))
KEY = ALICE.public.line


def listed(*keys: SoftKey) -> tuple[AllowedSigner, ...]:
    return tuple(AllowedSigner((f"signer{at}",), key.public) for at, key in enumerate(keys))


def count(
    signatures: Sequence[bytes],
    allowed: Sequence[AllowedSigner],
    *,
    threshold: int = 1,
    message: bytes = MESSAGE,
) -> SealCheck:
    return count_valid(signatures, message, allowed, threshold=threshold, now=NOW)


def refused(
    signatures: Sequence[bytes], allowed: Sequence[AllowedSigner], threshold: int = 1
) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        count(signatures, allowed, threshold=threshold)
    return caught.value


# --- counting ---------------------------------------------------------------------------------


def test_one_trusted_signer_is_enough() -> None:
    check = count([ALICE.sign()], listed(BOB, ALICE))
    assert check == SealCheck((AcceptedSigner("signer1", ALICE.public.fingerprint),), (), 1)


@pytest.mark.parametrize("threshold", [1, 2, 3])
@pytest.mark.parametrize("signing", [0, 1, 2, 3])
def test_threshold_matrix(threshold: int, signing: int) -> None:
    signatures = [key.sign() for key in (ALICE, BOB, CAROL)[:signing]]
    allowed = listed(CAROL, BOB, ALICE)
    if signing >= threshold:
        assert len(count(signatures, allowed, threshold=threshold).accepted) == signing
    else:
        code = "signature-threshold" if signing else "signature-none"
        assert refused(signatures, allowed, threshold).code == code


def test_threshold_message_names_found_and_expected() -> None:
    error = refused([ALICE.sign(), MALLORY.sign()], listed(ALICE, BOB), 2)
    assert error.code == "signature-threshold"
    assert "expected 2 trusted signers, found 1" in str(error)
    assert ALICE.public.fingerprint in str(error)
    assert f"signature 2: {MALLORY.public.fingerprint} is not among" in str(error)
    assert dict(error.context) == {"expected": 2, "found": 1}


def test_same_signature_twice_counts_once() -> None:
    error = refused([ALICE.sign(), ALICE.sign()], listed(ALICE), 2)
    assert error.code == "signature-threshold"
    assert "counted already" in str(error)


def test_same_key_by_two_hashes_counts_once() -> None:
    data = signed_data(MESSAGE, hash_algorithm="sha256")
    raw = raw_ed25519(ALICE.secret.sign(data))
    other = armour(Signature(ALICE.public, NAMESPACE, "sha256", raw))
    assert other != ALICE.sign()
    assert refused([ALICE.sign(), other], listed(ALICE), 2).code == "signature-threshold"


def test_key_under_two_names_counts_once() -> None:
    allowed = (AllowedSigner(("alice",), ALICE.public), AllowedSigner(("bob",), ALICE.public))
    assert refused([ALICE.sign()] * 2, allowed, 2).code == "signature-threshold"
    assert distinct_keys(allowed) == 1


def test_one_bare_key_as_plain_and_as_security_key_counts_once() -> None:
    token = SoftToken(ALICE.secret)
    allowed = (*listed(ALICE), AllowedSigner(("token",), token.public_key))
    both = [ALICE.sign(), token.sign(MESSAGE)]
    assert refused(both, allowed, 2).code == "signature-threshold"


def test_unknown_signer_is_refused_with_the_next_command() -> None:
    error = refused([MALLORY.sign()], listed(ALICE))
    assert error.code == "signature-unknown-signer"
    assert error.context["fingerprint"] == MALLORY.public.fingerprint
    assert "installer trust add" in error.hint


def test_unknown_signer_beside_a_known_one_is_ignored() -> None:
    check = count([MALLORY.sign(), ALICE.sign()], listed(ALICE))
    assert [one.code for one in check.ignored] == ["signature-unknown-signer"]
    assert check.ignored[0].position == 1


def test_no_signers_at_all() -> None:
    assert refused([ALICE.sign()], ()).code == "signature-unknown-signer"


def test_changed_message_is_called_so() -> None:
    error = refused([MALLORY.sign(b"x"), ALICE.sign(b"other")], listed(ALICE))
    assert error.code == "signature-invalid"


def test_foreign_signature_claiming_a_trusted_key_is_refused() -> None:
    forged = armour(
        Signature(ALICE.public, NAMESPACE, "sha512", Signature.parse(MALLORY.sign()).raw)
    )
    assert refused([forged], listed(ALICE)).code == "signature-invalid"


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        (b"", "signature-malformed"),
        (b"\xff" * 100, "signature-malformed"),
        (ALICE.sign(namespace="git"), "signature-namespace"),
    ],
)
def test_unusable_signatures_are_ignored_and_named(signature: bytes, code: str) -> None:
    assert refused([signature], listed(ALICE)).code == code
    assert count([signature, ALICE.sign()], listed(ALICE)).ignored[0].code == code


def test_number_of_signatures_is_limited() -> None:
    many = [ALICE.sign()] * MAX_SIGNATURES
    assert len(count(many, listed(ALICE)).ignored) == MAX_SIGNATURES - 1
    assert refused([*many, b""], listed(ALICE)).code == "signature-too-many"


def test_threshold_below_one_is_a_bug() -> None:
    with pytest.raises(ValueError, match="threshold of 0"):
        count([ALICE.sign()], listed(ALICE), threshold=0)


@pytest.mark.parametrize(
    ("after", "before", "code"),
    [
        (NOW, NOW, ""),
        (NOW - timedelta(1), NOW + timedelta(1), ""),
        (NOW + timedelta(seconds=1), None, "signature-expired"),
        (None, NOW - timedelta(seconds=1), "signature-expired"),
    ],
)
def test_validity_of_a_key(
    after: datetime | None, before: datetime | None, code: str, tmp_path: Path
) -> None:
    signer = AllowedSigner(
        (IDENTITY,), ALICE.public, valid_after=after, valid_before=before, comment="x"
    )
    codes = [] if not code else [refused([ALICE.sign()], (signer,)).code]
    assert codes == ([code] if code else [])
    if after != before:
        at = f"-Overify-time={NOW:%Y%m%d%H%M%S}Z"
        accepted = Oracle(tmp_path).accepts(ALICE.sign(), MESSAGE, signer.line, options=(at,))
        assert accepted == (not code)


def test_expired_line_beside_a_valid_one_of_the_same_key() -> None:
    expired = AllowedSigner(("old",), ALICE.public, valid_before=NOW - timedelta(1))
    check = count([ALICE.sign()], (expired, *listed(ALICE)))
    assert check.accepted[0].principal == "signer0"


def test_key_for_another_namespace_is_not_trusted() -> None:
    signer = AllowedSigner(("alice",), ALICE.public, namespaces=("git",))
    error = refused([ALICE.sign()], (signer,))
    assert error.code == "signature-unknown-signer"
    assert "not for moonlift-bundle" in str(error)


# --- the file ---------------------------------------------------------------------------------

SAME = {
    "bare": f"{IDENTITY} {KEY}",
    "namespace": f'{IDENTITY} namespaces="{NAMESPACE}" {KEY}',
    "comment": f"{IDENTITY} {KEY} alice's first key",
    "tabs": f"{IDENTITY}\t{KEY.replace(' ', chr(9))}",
    "spaces before and after": f"   {IDENTITY}   {KEY}  ",
    "several names": f"bob,{IDENTITY},carol {KEY}",
    "pattern": f"*@example.org {KEY}",
    "question mark": f"release?example.org {KEY}",
    "several namespaces": f'{IDENTITY} namespaces="git,{NAMESPACE}" {KEY}',
    "namespace pattern": f'{IDENTITY} namespaces="moonlift-*" {KEY}',
    "namespace with ?": f'{IDENTITY} namespaces="moonlift?bundle" {KEY}',
    "other namespace": f'{IDENTITY} namespaces="git" {KEY}',
    "negated namespace": f'{IDENTITY} namespaces="*,!moonlift-*" {KEY}',
    "only negated namespace": f'{IDENTITY} namespaces="!git" {KEY}',
    "namespace in capitals": f'{IDENTITY} namespaces="MOONLIFT-BUNDLE" {KEY}',
    "empty namespace": f'{IDENTITY} namespaces="" {KEY}',
    "from": f'{IDENTITY} valid-after="20260101" {KEY}',
    "from, UTC": f'{IDENTITY} valid-after="20260101Z" {KEY}',
    "to the minute": f'{IDENTITY} valid-after="202611221200Z" {KEY}',
    "to the second, too late": f'{IDENTITY} valid-after="20261122120001Z" {KEY}',
    "until": f'{IDENTITY} valid-before="20261122120000Z" {KEY}',
    "until a second ago": f'{IDENTITY} valid-before="20261122115959Z" {KEY}',
    "all options": (
        f'{IDENTITY} namespaces="{NAMESPACE}",valid-after="20260101",valid-before="20270101" {KEY}'
    ),
    "dates in the wrong order": (
        f'{IDENTITY} valid-after="20270101",valid-before="20260101" {KEY}'
    ),
    "bad date": f'{IDENTITY} valid-after="2026" {KEY}',
    "empty date": f'{IDENTITY} valid-after="" {KEY}',
    "date with dashes": f'{IDENTITY} valid-after="2026-01-01" {KEY}',
    "month 13": f'{IDENTITY} valid-after="20261301Z" {KEY}',
    "epoch": f'{IDENTITY} valid-after="19700101Z" {KEY}',
    "date without quotes": f"{IDENTITY} valid-after=20260101 {KEY}",
    "quote not closed": f'{IDENTITY} namespaces="{NAMESPACE} {KEY}',
    "unknown option": f"{IDENTITY} no-pty {KEY}",
    "option twice": f'{IDENTITY} namespaces="a",namespaces="{NAMESPACE}" {KEY}',
    "space after comma": f'{IDENTITY} namespaces="a", valid-after="20260101" {KEY}',
    "certificate authority": f"{IDENTITY} cert-authority {KEY}",
    "negated name": f"!{IDENTITY},*@example.org {KEY}",
    "RSA": f"{IDENTITY} {RSA}",
    "type of another key": f"{IDENTITY} {KEY.replace('ssh-ed25519', 'ecdsa-sha2-nistp256')}",
    "no key": f"{IDENTITY}",
    "no base64": f"{IDENTITY} ssh-ed25519",
    "base64 cut": f"{IDENTITY} {KEY[:-4]}",
    "base64 too long": f"{IDENTITY} {KEY}AAAA",
    "comment line": f"# {IDENTITY} {KEY}",
    "empty line": "",
    "only a key": KEY,
}
STRICTER_LINES = {
    "option in capitals": f'{IDENTITY} Namespaces="{NAMESPACE}" {KEY}',
    "time in UTC spelled out": f'{IDENTITY} valid-after="20260101UTC" {KEY}',
    "small z": f'{IDENTITY} valid-after="20260101z" {KEY}',
    "31 February": f'{IDENTITY} valid-after="20260231Z" {KEY}',
    "escaped quote": f'{IDENTITY} namespaces="a\\"b,{NAMESPACE}" {KEY}',
    "negated name of another": f"*,!bob {KEY}",
    "empty namespace within": f'{IDENTITY} namespaces="{NAMESPACE},,git" {KEY}',
    "quoted name": f'"{IDENTITY}" {KEY}',
    "carriage return": f"{IDENTITY} {KEY} x\r",
    "escape in a comment": f"{IDENTITY} {KEY} \x1b[2J",
    "bad line after a good one": f"{IDENTITY} {KEY}\nnonsense",
}
"""What ssh-keygen takes and we refuse, with the number of the line."""


def accepts(text: str) -> bool:
    try:
        allowed = parse_signers(text.encode())
        count([ALICE.sign()], allowed)
    except MoonliftError:
        return False
    return True


@pytest.mark.parametrize("name", SAME)
def test_line_means_what_it_means_to_ssh_keygen(name: str, tmp_path: Path) -> None:
    at = (f"-Overify-time={NOW:%Y%m%d%H%M%S}Z",)
    theirs = Oracle(tmp_path).accepts(ALICE.sign(), MESSAGE, SAME[name], options=at)
    assert accepts(SAME[name]) == theirs


@pytest.mark.parametrize("name", STRICTER_LINES)
def test_ambiguous_line_is_refused(name: str, tmp_path: Path) -> None:
    at = (f"-Overify-time={NOW:%Y%m%d%H%M%S}Z",)
    text = STRICTER_LINES[name]
    with pytest.raises(MalformedSigners, match=r"allowed_signers line [12]: ") as caught:
        parse_signers(text.encode())
    assert caught.value.code == "signers-malformed"
    assert caught.value.context["line"] == 1 + text.count("\n")
    assert Oracle(tmp_path).accepts(ALICE.sign(), MESSAGE, text, options=at)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "moment", ["20260701", "202607011200", "20261122120000", "20261122070000", "20261122170000"]
)
def test_time_without_z_is_this_hosts(
    zone: str, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        line = f'{IDENTITY} valid-before="{moment}" {KEY}'
        limit = parse_signers(line.encode())[0].valid_before
    finally:
        monkeypatch.setenv("TZ", "UTC")
        time.tzset()
    assert limit is not None
    for step, expected in ((0, True), (1, False)):
        at = f"-Overify-time={limit + timedelta(seconds=step):%Y%m%d%H%M%S}Z"
        oracle = Oracle(tmp_path)
        accepted = oracle.accepts(ALICE.sign(), MESSAGE, line, options=(at,), environ={"TZ": zone})
        assert accepted == expected


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_keys_of_ssh_keygen(kind: str, tmp_path: Path) -> None:
    key = make_key(tmp_path, kind)
    text = f"# ours\n\n{IDENTITY} {public_key(key).line} made by hand\n"
    (signer,) = parse_signers(text.encode())
    assert (signer.line_number, signer.comment) == (3, "made by hand")
    assert count([keygen_sign(key, MESSAGE)], (signer,)).accepted[0].principal == IDENTITY


def test_certificate_authority_is_refused_by_name() -> None:
    with pytest.raises(MalformedSigners, match="certificate authorities are not taken"):
        parse_signers(f"a {KEY}\nb cert-authority {KEY}".encode())


def test_other_key_types_are_refused_by_name() -> None:
    with pytest.raises(MalformedSigners, match="found ssh-rsa"):
        parse_signers(f"{IDENTITY} {RSA}".encode())


@pytest.mark.parametrize("data", [b"\xff", b"a\0b", b"#\n" * (MAX_BYTES // 2) + b"#", b"#" * 9000])
def test_unreadable_file_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedSigners):
        parse_signers(data)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        (IDENTITY, True),
        ("alice", True),
        ("", False),
        ("*", False),
        ("a,b", False),
        ("a b", False),
        ("!a", False),
        ("-a", False),
        ("#a", False),
        ('"a"', False),
        ("a" * 129, False),
        ("ä", False),
    ],
)
def test_principal_grammar(name: str, good: bool) -> None:
    assert is_principal(name) == good


# --- generated --------------------------------------------------------------------------------

MOMENTS = st.none() | st.integers(1, 2**32).map(lambda at: datetime.fromtimestamp(at, UTC))
PATTERNS = st.text("abz*?@.-", min_size=1, max_size=8)


@pytest.mark.property
@settings(deadline=None)
@given(
    principals=st.lists(PATTERNS, min_size=1, max_size=3).map(tuple),
    namespaces=st.lists(PATTERNS | PATTERNS.map("!{}".format), max_size=3).map(tuple),
    after=MOMENTS,
    before=MOMENTS,
    comment=st.text("abc #=,\"'", max_size=9).map(str.strip),
)
def test_line_round_trip(
    principals: tuple[str, ...],
    namespaces: tuple[str, ...],
    after: datetime | None,
    before: datetime | None,
    comment: str,
) -> None:
    signer = AllowedSigner(principals, BOB.public, namespaces, after, before, 1, comment)
    if after is not None and before is not None and after >= before:
        with pytest.raises(MalformedSigners):
            parse_signers(signer.line.encode())
    else:
        assert parse_signers(signer.line.encode()) == (signer,)


@pytest.mark.property
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_only_our_errors_come_out_of_any_bytes(data: bytes) -> None:
    try:
        parse_signers(data)
    except MoonliftError as err:
        assert err.code == "signers-malformed"  # noqa: PT017


WORDS = st.sampled_from(
    (IDENTITY, KEY, NAMESPACE, "ssh-ed25519", "namespaces=", "valid-before=", "cert-authority")
) | st.sampled_from((" ", "\t", "\n", '"', ",", "#", "20260101", "Z", "!", "*", "=", "AAAA", "\\"))


@pytest.mark.property
@settings(deadline=None)
@given(st.lists(WORDS, max_size=12).map("".join))
def test_only_our_errors_come_out_of_almost_lines(text: str) -> None:
    try:
        for signer in parse_signers(text.encode()):
            assert parse_signers(signer.line.encode())[0].public_key == signer.public_key
    except MoonliftError as err:
        assert err.code == "signers-malformed"  # noqa: PT017


@pytest.mark.property
@settings(deadline=None)
@given(
    st.lists(st.sampled_from([ALICE, BOB, CAROL, MALLORY]), min_size=1, max_size=6),
    st.integers(min_value=1, max_value=4),
)
def test_count_is_of_distinct_trusted_keys(signing: list[SoftKey], threshold: int) -> None:
    allowed = listed(ALICE, BOB, CAROL)
    distinct = len({key for key in signing if key is not MALLORY})
    signatures = [key.sign() for key in signing]
    if distinct >= threshold:
        check = count(signatures, allowed, threshold=threshold)
        assert len(check.accepted) == distinct
        assert len(check.ignored) == len(signing) - distinct
    else:
        with pytest.raises(BundleRefused):
            count(signatures, allowed, threshold=threshold)
