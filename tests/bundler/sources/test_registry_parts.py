"""The registry client's pure parts: addresses, sites, proxies, challenges, budgets."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundler.sources.registry.challenge import Challenge, MalformedChallenge, parse_challenges
from bundler.sources.registry.errors import unreachable
from bundler.sources.registry.proxy import proxy_for
from bundler.sources.registry.retry import Broken, Patience, SystemClock, parse_retry_after
from bundler.sources.registry.url import (
    MalformedUrl,
    Url,
    ip_literal,
    is_loopback,
    make_origin,
    same_site,
)
from manifests.errors import SourceFailed
from tests.bundler.sources.fakes import FakeClock


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("registry.gitlab.com", "gitlab.com", True),
        ("registry-1.docker.io", "auth.docker.io", True),
        ("reg.acme.co.uk", "auth.acme.co.uk", True),
        ("acme.co.uk", "evil.co.uk", False),
        ("acme.azurecr.io", "evil.azurecr.io", False),
        ("acme.azurecr.io", "azurecr.io", False),
        ("reg.example", "reg.example.evil.example", False),
        ("example.com", "evilexample.com", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "11.0.0.1", False),
        ("registry", "registry", True),
        ("registry", "auth", False),
        ("a.com", "com", False),
    ],
)
def test_same_site(one: str, other: str, same: bool) -> None:
    assert same_site(one, other) is same
    assert same_site(other, one) is same


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "x.localhost", "0x7f.1", "2130706433",
             "::ffff:127.0.0.1", "127.1", "017700000001"]
)  # fmt: skip
def test_loopback_in_every_spelling(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost.example", "128.0.0.1", "127.0.0.1.example", "1.2.3.999"]
)
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_numbers_that_are_no_address() -> None:
    assert ip_literal("1.2.3.999") is None
    assert ip_literal("registry.example") is None


def test_address_without_its_secret() -> None:
    url = Url.parse("https://Storage.Example:443/a b/\u00e9?X-Signature=s3cret#part")
    assert str(url) == "https://storage.example/a%20b/%C3%A9"
    assert url.whole == "https://storage.example/a%20b/%C3%A9?X-Signature=s3cret"
    assert "s3cret" not in repr(url)
    assert str(Url.parse("http://[::1]:5000").origin) == "http://[::1]:5000"


@pytest.mark.parametrize(
    ("location", "whole"),
    [
        ("/x?y=1", "https://a.example/x?y=1"),
        ("x", "https://a.example/v2/x"),
        ("//b.example/x", "https://b.example/x"),
        ("http://b.example:80", "http://b.example/"),
    ],
)
def test_joined(location: str, whole: str) -> None:
    assert Url.parse("https://a.example/v2/y?z").joined(location).whole == whole


@pytest.mark.property
@given(st.text(max_size=60))
def test_any_location_is_taken_or_refused(location: str) -> None:
    base = Url.parse("https://a.example/v2/y")
    try:
        url = base.joined(location)
    except MalformedUrl:
        return
    assert url.origin.scheme in ("http", "https")
    assert url.whole.isascii()
    assert url.whole.isprintable()
    assert " " not in url.whole


def test_endless_address() -> None:
    with pytest.raises(MalformedUrl):
        Url.parse("https://a.example/" + "x" * 20_000)


@pytest.mark.parametrize(
    ("no_proxy", "host", "exempt"),
    [
        ("*", "a.example", True),
        ("example", "a.example", True),
        (".a.example", "a.example", True),
        ("*.a.example", "b.a.example", True),
        ("a.example", "ba.example", False),
        ("x, a.example:443", "a.example", True),
        ("a.example:8443", "a.example", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("2.3", "10.1.2.3", False),
        ("nonsense/99", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::1", "fd00::1", True),
        ("[fd00::1]:443", "fd00::1", True),
        ("[", "a.example", False),
        ("", "a.example", False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, exempt: bool) -> None:
    environment = {"https_proxy": "proxy.example:3128", "no_proxy": no_proxy}
    found = proxy_for(make_origin("https", host), environment)
    assert (found is None) is exempt


def test_which_proxy() -> None:
    environment = {"HTTPS_PROXY": "http://secure:1", "http_proxy": "plain:2", "ALL_PROXY": "all:3"}
    chosen = {
        scheme: proxy_for(make_origin(scheme, "a.example"), environment)
        for scheme in ("http", "https")
    }
    assert {k: str(v.origin) if v else "" for k, v in chosen.items()} == {
        "http": "http://plain:2",
        "https": "http://secure:1",
    }
    every = proxy_for(make_origin("http", "a.example"), {"all_proxy": "all:3"})
    assert str(every.origin if every else "") == "http://all:3"
    assert proxy_for(make_origin("https", "127.0.0.1"), environment) is None
    assert proxy_for(make_origin("https", "a.example"), {}) is None


@pytest.mark.parametrize(
    "setting", ["socks5://joe:canary@a:1", "http://joe:canary@[::1", "http://"]
)
def test_unusable_proxy(setting: str) -> None:
    with pytest.raises(SourceFailed, match="HTTPS_PROXY") as caught:
        proxy_for(make_origin("https", "a.example"), {"https_proxy": setting})
    assert caught.value.code == "proxy-malformed"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Basic", [("basic", {})]),
        ('Bearer realm="a\\"b", service=c', [("bearer", {"realm": 'a"b', "service": "c"})]),
        ("Negotiate YWJj==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        (' , Basic , BEARER Realm = "x,y" ,', [("basic", {}), ("bearer", {"realm": "x,y"})]),
        ("", []),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges([header]) == tuple(Challenge(*pair) for pair in expected)


@pytest.mark.parametrize(
    "header", ['Bearer realm="a" service="b"', 'Bearer realm="a', "=", 'Bearer a="1",A="2"', '"x"']
)
def test_malformed_challenges(header: str) -> None:
    with pytest.raises(MalformedChallenge):
        parse_challenges([header])


@pytest.mark.property
@given(st.text(alphabet='Bearlm="\\, \t=x', max_size=200))
def test_any_challenge_is_read_or_refused(header: str) -> None:
    try:
        for challenge in parse_challenges([header]):
            assert challenge.scheme == challenge.scheme.lower()
    except MalformedChallenge:
        return


def test_budget_grows_and_ends() -> None:
    clock = FakeClock()
    patience = Patience(clock, 9)
    failure = unreachable(make_origin("https", "a.example"), "gone")
    broken = Broken(failure)
    for _ in range(9):
        patience.wait_or_raise(broken)
    with pytest.raises(SourceFailed) as caught:
        patience.wait_or_raise(broken)
    assert caught.value is failure
    limits = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert all(w / 2 <= wait <= w for w, wait in zip(limits, clock.waits, strict=True))


def test_retry_after_without_a_zone() -> None:
    assert parse_retry_after("Mon, 01 Jun 2026 12:00:30 -0000", FakeClock()) == 30
    assert parse_retry_after(None, FakeClock()) is None


def test_real_clock_can_be_woken() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.now().tzinfo is not None
    clock.sleep(0)
    clock.wake()
    for _ in itertools.repeat(None, 3):
        clock.sleep(60)
