"""What stays because a person said so: every form of a pattern, and grep's expressions."""

from __future__ import annotations

import subprocess

import pytest
from pydantic import ValidationError

from manifests.errors import MalformedInput
from manifests.posixregex import MAX_REPEATS, basic, bounded, extended
from manifests.prunerules.excludes import Excludes
from manifests.prunerules.patterns import Line, Pattern
from manifests.prunerules.policy import PrunePolicy
from tests.support.hosts import container, identity, image, volume

DIGEST = identity("manifest")
WEB = image(
    "web",
    names=("acme.example/team/web:1.2", f"acme.example/team/web@{DIGEST}"),
    labels={"team": "db", "empty": ""},
)
HUB = image("hub", names=("docker.io/library/nginx:1.25",))


@pytest.mark.parametrize(
    "text",
    [
        "acme.example/team/web:1.2",
        "acme.example/team/web",
        "acme.example/team/*",
        "*/web:1.*",
        "acme.example/*/web:[0-9].?",
        "/team/",
        "/^acme[.]example/team/web:[0-9]+/",
        "/team/(web|db):/",
        str(WEB.identity),
        WEB.identity.hex,
        WEB.identity.short,
        f"sha256:{WEB.identity.short}",
        str(DIGEST),
        "label=team",
        "label=team=db",
        "label=empty=",
    ],
)
def test_forms_of_a_pattern_that_keep_an_image(text: str) -> None:
    assert Excludes.of([text]).of_image(WEB) == text


@pytest.mark.parametrize(
    "text",
    [
        "web",
        "acme.example/team/we",
        "/^team/",
        "label=tea",
        "label=team=d",
        "label=empty=x",
        WEB.identity.hex[1:],
        "sha256:000000000000",
        "",
        "/",
        "//",
    ],
)
def test_forms_that_do_not(text: str) -> None:
    assert Excludes.of([text]).of_image(WEB) is None


@pytest.mark.parametrize("text", ["nginx", "nginx:1.25", "docker.io/library/nginx", "ngin?:1.*"])
def test_short_names_are_what_engines_show(text: str) -> None:
    assert Excludes.of([text]).of_image(HUB) == text


def test_containers_and_volumes_go_by_name_id_and_label() -> None:
    excludes = Excludes.of(["job-*", "label=keep"])
    assert excludes.of_container(container("job-1")) == "job-*"
    assert excludes.of_container(container("x", labels={"keep": "1"})) == "label=keep"
    assert excludes.of_container(container("x")) is None
    assert excludes.of_volume(volume("job-data")) == "job-*"
    short = container("x").identity[:12]
    assert Excludes.of([short]).of_container(container("x")) == short


@pytest.mark.parametrize(
    "text",
    [
        "a.c",
        "a\\.c",
        "^ab*c$",
        "\\(ab\\)*c",
        "a\\{2,3\\}",
        "a{2}",
        "(a)",
        "a+",
        "a\\+",
        "a\\|b",
        "a|b",
        "*a",
        "[[:digit:]]x",
        "[]a]",
        "[^]a]",
        "[\\n]",
        "x[a-c]y",
        "a?",
        "[[:alpha:][:digit:]_]-",
    ],
)
@pytest.mark.parametrize("flag", ["-G", "-E"])
def test_expressions_mean_what_grep_means(text: str, flag: str) -> None:
    rows = ["abc", "a.c", "aa", "aaa", "a{2}", "(a)", "a+", "a|b", "*a", "1x", "]", "ac", "c",
            "abab", "ababc", "\\", "n", "xby", "a?", "b", "A_-", "zz"]  # fmt: skip
    told = subprocess.run(
        ["grep", flag, "-e", text],
        input="\n".join(rows),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode <= 1
    pattern = (basic if flag == "-G" else extended)(text)
    assert [row for row in rows if pattern.search(row)] == told.stdout.split("\n")[:-1]


@pytest.mark.parametrize("text", ["[a", "(", "a{3,1}", "[[:nothing:]]", "a)"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput) as refused:
        bounded(text)
    assert refused.value.code == "exclude-malformed"


@pytest.mark.parametrize(
    "text", ["(a+)+", "(a|a)*b", "(?:a?)?", ".*" * (MAX_REPEATS + 1), "a?" * 9]
)
def test_a_strangers_expression_that_could_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(MalformedInput):
        Pattern.parse(f"/{text}/")


def test_a_policy_with_a_pattern_that_is_none_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValidationError, match="not a regular expression"):
        PrunePolicy(exclude=("/(a+)+/",))


def test_a_line_of_docker_gc_is_a_whole_word_of_the_row() -> None:
    row = " acme/web:1 0123456789ab "
    assert Line.of_image("acme/web:1").finds(row)
    assert Line.of_image("acme/.*").finds(row)
    assert Line.of_image("0123456789ab").finds(row)
    assert not Line.of_image("acme/web").finds(row)
    assert not Line.of_image("web:1").finds(row)
