"""The way over ssh: a connection to each host, many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from installer.fanout import remote
from installer.fanout.asking import Asked, BySsh, Tell
from installer.fanout.fleet import Fleet
from installer.fanout.framing import Frame
from installer.fanout.gather import keep_and_judge, tell_node
from installer.fanout.launch import Call, Ended, need_program, run_calls
from installer.fanout.outcome import NodeOutcome, judge_connection
from installer.fanout.remote import Mark
from installer.fanout.ssh import MOST_AT_ONCE, limited, ssh_argv
from manifests.errors import UsageError

GRACE_S: Final = 60
"""Seconds beyond what a host may take, before its connection is ended."""


def over_ssh(asked: Asked, way: BySsh, tell: Tell) -> Fleet:
    """Run the self-test on every host.

    Raises:
        UsageError: `nodelist-malformed`, `host-malformed`.
        NotInstallableHere: `ssh-missing`.
        KeyboardInterrupt: someone asked to stop; every connection was ended before.
    """
    need_program("ssh", "ssh-missing", "apt-get install openssh-client")
    if not asked.nodes:
        raise UsageError("nodelist-malformed", "expected hosts, found none")
    outcomes: dict[str, NodeOutcome] = {}

    def done(outcome: NodeOutcome) -> None:
        outcomes[outcome.node] = outcome
        tell_node(tell, outcome, len(outcomes), len(asked.nodes))

    run_calls([_ssh_call(asked, way, host, done) for host in asked.nodes], MOST_AT_ONCE)
    return Fleet.of("ssh", [outcomes[host] for host in asked.nodes])


def _ssh_call(asked: Asked, way: BySsh, host: str, done: Callable[[NodeOutcome], object]) -> Call:
    mark = Mark.new()
    frame = Frame(mark)
    seconds = 60 * asked.minutes

    def ended(end: Ended) -> None:
        said = frame.close()
        if said.name is None:
            done(NodeOutcome(host, None, (judge_connection(end.status, said, late=end.late),)))
        else:
            done(keep_and_judge(asked, host, said, None, late=end.late))

    script = remote.as_input(mark, limited(asked.command, seconds))
    argv = ssh_argv(host, way.options)
    return Call(argv, script, seconds + GRACE_S, frame.output, frame.errors, ended)
