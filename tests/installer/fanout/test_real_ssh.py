"""A real OpenSSH server at three addresses of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from installer.fanout.asking import Asked, BySsh
from installer.fanout.fan import fan_out
from installer.fanout.fleet import Fleet
from installer.fanout.nodereport import Verdict
from manifests.errors import NotInstallableHere, UsageError
from tests.installer.fanout.reports import REPORT
from tests.support.sshd import HOSTS, SshServer

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[3]
PRINT = ("cat", str(REPORT))


def fan(
    *command: str,
    options: tuple[str, ...],
    hosts: tuple[str, ...] = HOSTS,
    reports: Path | None = None,
) -> Fleet:
    told: list[str] = []
    asked = Asked(command=command, nodes=hosts, minutes=1, reports=reports)
    fleet = fan_out(asked, BySsh(options), told.append)
    assert len(told) == len(hosts)
    return fleet


def codes(fleet: Fleet) -> list[str]:
    return [" ".join(why.code for why in one.troubles) for one in fleet.outcomes]


def test_all_hosts_report(ssh_server: SshServer, tmp_path: Path) -> None:
    fleet = fan(*PRINT, options=ssh_server.options(), reports=tmp_path)
    assert [one.node for one in fleet.outcomes] == list(HOSTS)
    assert fleet.verdict is Verdict.PASS
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{one}.json" for one in HOSTS]


def test_real_self_test_runs_there(ssh_server: SshServer) -> None:
    script = f"cd {ROOT} && exec {sys.executable} -m selftest --json --device numpy"
    fleet = fan("sh", "-c", script, options=ssh_server.options(), hosts=HOSTS[:1])
    assert codes(fleet) == [""]
    assert fleet.verdict is Verdict.PASS


def test_words_arrive_as_they_are(ssh_server: SshServer) -> None:
    script = f'[ "$1" = "a \'b\' \\$HOME !x" ] && cat {REPORT}'
    words = ("sh", "-c", script, "sh", "a 'b' $HOME !x")
    assert codes(fan(*words, options=ssh_server.options(), hosts=HOSTS[:1])) == [""]


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("IdentityFile={stranger}", "ssh-denied"),
        ("UserKnownHostsFile=/dev/null", "ssh-host-key"),
        ("Port=1", "ssh-unreachable"),
        ("Hostname=none.invalid", "ssh-unknown"),
        ("Nonsense=yes", "ssh-failed"),
    ],
)
def test_connection_that_fails_is_told(ssh_server: SshServer, option: str, code: str) -> None:
    said = option.format(stranger=ssh_server.stranger)
    options = [one for one in ssh_server.options() if not one.startswith(said.partition("=")[0])]
    fleet = fan(*PRINT, options=(said, *options), hosts=HOSTS[:1])
    assert codes(fleet) == [code]
    assert fleet.outcomes[0].troubles[0].evidence
    assert fleet.verdict is Verdict.FAIL


def test_one_host_that_fails_does_not_hide_the_others(ssh_server: SshServer) -> None:
    fleet = fan(*PRINT, options=ssh_server.options(), hosts=(HOSTS[0], "127.9.9.9", HOSTS[1]))
    assert codes(fleet) == ["", "ssh-unreachable", ""]


def test_what_is_not_there_is_named(ssh_server: SshServer) -> None:
    command = ("/opt/nowhere/python", "-m", "selftest")
    fleet = fan(*command, options=ssh_server.options(), hosts=HOSTS[:1])
    (why,) = fleet.outcomes[0].troubles
    assert why.code == "command-missing"
    assert "/opt/nowhere/python" in why.text


def test_no_hosts_and_hostile_ones_are_refused(ssh_server: SshServer) -> None:
    for hosts in ((), ("-oProxyCommand=true",)):
        with pytest.raises(UsageError):
            fan(*PRINT, options=ssh_server.options(), hosts=hosts)


def test_machine_without_ssh_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstallableHere) as refused:
        fan(*PRINT, options=())
    assert refused.value.code == "ssh-missing"
