"""The calls of srun and ssh, and the script that they run."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.fanout.remote import Mark, as_input, as_words
from installer.fanout.srun import SlurmJob, count_gpus, srun_argv
from installer.fanout.ssh import limited, ssh_argv
from manifests.errors import UsageError

MARK = Mark("moonlift-0123")
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
WORDS = st.lists(TEXTS)


def test_srun_call_has_one_task_a_node_and_asks_for_what_was_asked() -> None:
    job = SlurmJob(("n1", "n2"), gres="gpu:1", partition="short", minutes=3, wait_s=60)
    argv = srun_argv(job, ["true", "-x"])
    assert argv[0] == "srun"
    assert argv[-2:] == ["true", "-x"]
    wanted = "--nodelist=n1,n2 --nodes=2 --ntasks=2 --ntasks-per-node=1 --gres=gpu:1 --time=3"
    wanted += " --partition=short --immediate=60 --kill-on-bad-exit=0 --label"
    assert set(wanted.split()) <= set(argv)


def test_step_of_a_job_shares_it_and_names_no_partition() -> None:
    argv = srun_argv(SlurmJob(("n1",), partition="short", inside=True), ["true"])
    assert "--overlap" in argv
    assert not any(word.startswith("--partition") for word in argv)


def test_further_words_come_last_so_that_they_win() -> None:
    argv = srun_argv(SlurmJob(("n1",), options=("--time=9", "--exclusive")), ["true"])
    assert argv.index("--time=9") > argv.index("--time=5")
    assert argv[-3:] == ["--time=9", "--exclusive", "true"]


@pytest.mark.parametrize("node", ["-w", "a b", "a@b", "a\n", "", "n,m", "n\x1b[0m", "fe80::1"])
def test_srun_is_given_no_hostile_name(node: str) -> None:
    with pytest.raises(UsageError) as refused:
        srun_argv(SlurmJob((node,)), ["true"])
    assert refused.value.code == "node-malformed"


def test_list_that_no_argument_can_hold_is_refused() -> None:
    nodes = tuple(f"{'n' * 200}{number}" for number in range(1000))
    with pytest.raises(UsageError, match="at most") as refused:
        srun_argv(SlurmJob(nodes), ["true"])
    assert refused.value.code == "nodelist-too-long"


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("gpu", 1),
        ("gpu:1", 1),
        ("gpu:a100", 1),
        ("gpu:a100:4", 4),
        ("gpu:2,lustre:1", 2),
        ("gres:gpu:2", 2),
        ("gpu:a:1,gpu:b:2", 3),
        ("gpu:0", 0),
        ("", None),
        ("lustre:1", None),
        ("gpumem:80", None),
    ],
)
def test_gpus_that_are_asked_for_are_counted(gres: str, gpus: int | None) -> None:
    assert count_gpus(gres) == gpus


def test_ssh_call_never_asks_and_takes_the_persons_options_first() -> None:
    argv = ssh_argv("root@n1", ["Port=2222", "ConnectTimeout=1"])
    assert argv[-3:] == ["--", "root@n1", "sh -s"]
    assert argv.index("BatchMode=yes") < argv.index("Port=2222")
    assert argv.index("ConnectTimeout=1") < argv.index("ConnectTimeout=15")


@pytest.mark.parametrize(
    "host", ["-oProxyCommand=reboot", "a b", "", "a;b", "a@", "@a", "a@-b", "$(x)", "a\n", "a/b"]
)
def test_ssh_is_given_no_hostile_name(host: str) -> None:
    with pytest.raises(UsageError) as refused:
        ssh_argv(host, [])
    assert refused.value.code == "host-malformed"


@pytest.mark.parametrize("host", ["n1", "me@n1.example.org", "10.0.0.1", "fe80::1", "::1", "a_b"])
def test_ssh_takes_names_and_addresses(host: str) -> None:
    assert host in ssh_argv(host, [])


@pytest.mark.property
@settings(max_examples=25, deadline=None)
@given(WORDS)
def test_words_arrive_as_they_were_whatever_is_in_them(words: list[str]) -> None:
    command = ("printf", "%s\\0", *words)
    wanted = "".join(f"{word}\0" for word in words or [""]).encode()
    by_words = subprocess.run(as_words(MARK, command), capture_output=True, check=True)
    by_input = subprocess.run(
        ["sh", "-s"], input=as_input(MARK, command), capture_output=True, check=True
    )
    for done in (by_words, by_input):
        first, _, rest = done.stdout.partition(b"\n")
        assert first.startswith(b"moonlift-0123 begin ")
        assert rest == wanted + b"\nmoonlift-0123 end 0\n"


def test_script_ends_with_the_commands_status_and_gives_it_no_input() -> None:
    done = subprocess.run(
        ["sh", "-s"],
        input=as_input(MARK, ("sh", "-c", "cat; exit 13")),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 13
    assert done.stdout.endswith(b"\n\nmoonlift-0123 end 13\n")


def test_command_over_ssh_ends_by_itself() -> None:
    script = as_input(MARK, limited(("sleep", "30"), 1))
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True, timeout=10, check=False)
    assert done.returncode == 124


def test_marks_can_not_be_guessed() -> None:
    assert len({Mark.new() for _ in range(100)}) == 100
