"""Platforms: spelling, order of variants, choice from an index."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.platform import MalformedPlatform, Platform, choose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("Linux/AMD64", "linux/amd64"),
        (" linux/amd64\n", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm"),
        ("linux/arm/v7", "linux/arm"),
        ("linux/armhf", "linux/arm"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("linux/riscv64", "linux/riscv64"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_spelling(text: str, expected: str) -> None:
    assert str(Platform.parse(text)) == expected
    assert Platform.parse(expected) == Platform.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "linux", "linux/", "/amd64", "linux//v8", "linux/arm/v7/x", "linux/arm 64", "linux/\u00e4",
     "linux/-x", "linux/.", "linux/" + "a" * 33, "linux/amd64\0", "../..", "\u0131inux/amd64"],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(MalformedPlatform) as caught:
        Platform.parse(text)
    assert caught.value.code == "platform-malformed"


def p(text: str) -> Platform:
    return Platform.parse(text)


@pytest.mark.parametrize(
    ("image", "host", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64/v3", "linux/amd64", False),
        ("linux/amd64", "linux/amd64/v3", True),
        ("linux/arm/v6", "linux/arm", True),
        ("linux/arm", "linux/arm/v6", False),
        ("linux/arm64", "linux/arm64", True),
        ("linux/arm", "linux/arm64", False),
        ("linux/386", "linux/amd64", False),
        ("windows/amd64", "linux/amd64", False),
        ("linux/arm64/v8.2", "linux/arm64", True),
    ],
)
def test_runs_on(image: str, host: str, expected: bool) -> None:
    assert p(image).runs_on(p(host)) is expected


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        ("linux/amd64", ["linux/arm64", "linux/amd64"], 1),
        ("linux/amd64", ["linux/amd64/v3", "linux/amd64/v2"], None),
        ("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], 1),
        ("linux/arm", ["linux/arm/v5", "linux/arm/v6"], 1),
        ("linux/arm", ["linux/arm/v6", "linux/arm/v7"], 1),
        ("linux/arm/v6", ["linux/arm/v7", "linux/arm/v5"], 1),
        ("linux/amd64", ["linux/amd64", "linux/amd64"], 0),
        ("linux/amd64", ["windows/amd64"], None),
        ("linux/amd64", [], None),
    ],
)
def test_choice(wanted: str, offered: list[str], expected: int | None) -> None:
    offers = [(p(text), number) for number, text in enumerate(offered)]
    assert choose(p(wanted), offers) == expected


def test_strange_variants_of_an_index_do_no_harm() -> None:
    for variant in ("v", "vv", "v\u00b2", "v\uff17", "x" * 64, "v" + "9" * 60, "\0"):
        strange = Platform.normalized("linux", "arm64", variant)
        assert choose(p("linux/arm64"), [(strange, 0), (p("linux/arm64"), 1)]) is not None


PLATFORMS = st.builds(
    Platform.normalized,
    st.sampled_from(["linux", "windows"]),
    st.sampled_from(["amd64", "x86_64", "arm", "arm64", "aarch64", "386"]),
    st.sampled_from(["", "v1", "v2", "v5", "v6", "v7", "v8", "v9"]),
)


@pytest.mark.property
@given(PLATFORMS, st.lists(PLATFORMS))
def test_what_is_chosen_runs_and_nothing_nearer_was_offered(
    wanted: Platform, offered: list[Platform]
) -> None:
    chosen = choose(wanted, [(one, one) for one in offered])
    fitting = [one for one in offered if one.runs_on(wanted)]
    assert (chosen is None) == (not fitting)
    if chosen is not None:
        assert all(one.runs_on(chosen) for one in fitting)


@pytest.mark.property
@given(PLATFORMS)
def test_round_trip(platform: Platform) -> None:
    assert Platform.parse(str(platform)) == platform


@pytest.mark.property
@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        platform = Platform.parse(text)
    except MalformedPlatform:
        return
    assert Platform.parse(str(platform)) == platform
