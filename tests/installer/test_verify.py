"""Verifying: only a trusted seal on a fresh release makes a VerifiedBundle; nothing is changed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

import installer
from installer.ledger import Ledger
from installer.trust import TrustedKeys
from installer.verify import (
    Leniency,
    VerifiedBundle,
    survey_everything,
    unread_bytes,
    verify,
)
from manifests.bundle.medium import open_medium
from manifests.errors import BundleRefused, MoonliftError
from tests.installer.conftest import IMAGES, NOW, Host
from tests.support.bundles import ISSUED, Facts, make_bundle, new_key
from tests.support.contents import check_contents
from tests.support.tamper import EACH_FILE, copy_of, files_of


def code_of(host: Host, path: Path, leniency: Leniency | None = None) -> str:
    with pytest.raises(MoonliftError) as caught:
        host.verify(path, leniency or Leniency())
    return caught.value.code


def accept(host: Host, path: Path) -> None:
    verified = host.verify(path, Leniency(allow_downgrade=True))
    with host.ledger.locked() as ledger:
        ledger.accept(verified.verdict)


def test_says_who_signed_and_how_old_it_is(host: Host) -> None:
    verified = host.verify(host.bundle().path)
    assert [one.principal for one in verified.signers] == ["release@acme"]
    assert verified.signers[0].fingerprint == host.key.public.fingerprint
    assert verified.verdict.age == NOW - ISSUED
    assert verified.release.product == "viz"


def test_changes_nothing(host: Host) -> None:
    bundle = host.bundle()
    before = sorted(host.root.rglob("*"))
    host.verify(bundle.path)
    assert sorted(host.root.rglob("*")) == before


def test_nothing_else_makes_a_verified_bundle(host: Host) -> None:
    real = host.verify(host.bundle().path)
    with pytest.raises(TypeError, match="only verify"):
        VerifiedBundle(real.sealed, real.verdict, token=object())
    sources = Path(installer.__file__).parent.rglob("*.py")
    makers = [p.name for p in sources if re.search(r"(?<!class )VerifiedBundle\(", p.read_text())]
    assert makers == ["verify.py"]


def test_unsigned_is_refused(host: Host) -> None:
    assert code_of(host, make_bundle(host.root / "b", IMAGES).path) == "signature-none"


def test_strangers_seal_is_refused(host: Host) -> None:
    stranger = new_key(host.root / "stranger")
    bundle = make_bundle(host.root / "b", IMAGES, stranger)
    assert code_of(host, bundle.path) == "signature-unknown-signer"


def test_without_keys_nothing_is_verified(host: Host) -> None:
    bundle = host.bundle()
    host.trust.remove("release@acme")
    assert code_of(host, bundle.path) == "trust-empty"


def test_threshold_counts_distinct_keys(host: Host) -> None:
    second = new_key(host.root / "second")
    host.trust.add_on_first_use(second.public, "second@acme")
    host.trust.set_threshold(2)
    one = make_bundle(host.root / "one", IMAGES, host.key, host.key)
    assert code_of(host, one.path) == "signature-threshold"
    both = make_bundle(host.root / "both", IMAGES, host.key, second)
    assert len(host.verify(both.path).signers) == 2


def test_downgrade_is_refused_unless_allowed(host: Host) -> None:
    old, new = host.bundle(), host.bundle(facts=Facts(sequence=2))
    accept(host, new.path)
    assert code_of(host, old.path) == "downgrade-refused"
    verified = host.verify(old.path, Leniency(allow_downgrade=True))
    assert [one.code for one in verified.verdict.warnings] == ["release-old"]


def test_fork_is_refused_always(host: Host) -> None:
    one, other = host.bundle(), host.bundle(facts=Facts(version="1.0.0-other"))
    accept(host, one.path)
    assert code_of(host, other.path, Leniency(allow_downgrade=True)) == "release-fork"


def test_expired_is_refused_unless_accepted(host: Host) -> None:
    bundle = host.bundle(facts=Facts(expires=NOW - timedelta(days=1)))
    assert code_of(host, bundle.path) == "release-expired"
    host.verify(bundle.path, Leniency(accept_expired=True))


@pytest.mark.parametrize("kind", EACH_FILE)
def test_every_damage_to_every_file_is_refused(host: Host, kind: str) -> None:
    bundle = host.bundle(facts=Facts(files={"compose.yaml": b"services: {}\n"}))
    for number, name in enumerate(files_of(bundle.path)):
        damaged = copy_of(bundle.path, host.root / f"{kind}-{number}")
        EACH_FILE[kind](damaged / name)
        with pytest.raises(BundleRefused):
            check_contents(host.verify(damaged).sealed, lambda _: None)


def test_counts_what_it_reads(host: Host) -> None:
    verified = host.verify(host.bundle(facts=Facts(files={"a": b"x" * 10})).path)
    counted: list[int] = []
    total = survey_everything(verified, counted.append).size
    assert total == sum(counted) == unread_bytes(verified)


def test_takes_no_key_from_the_bundle(host: Host) -> None:
    stranger = new_key(host.root / "stranger")
    bundle = make_bundle(
        host.root / "b", IMAGES, stranger, facts=Facts(files={"allowed_signers": b"x"})
    )
    keys = host.trust.load()
    with pytest.raises(BundleRefused):
        verify(
            open_medium(bundle.path),
            TrustedKeys(keys.signers, 1),
            Ledger(host.root / "none"),
            NOW,
        )
