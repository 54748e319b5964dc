"""What came of one node: its report is believed, or it is said why there is none.

Pure. Each way to fail has a code, words for what was found, the node's last words, a remedy.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from installer.fanout.framing import REPORT_LIMIT, Said
from installer.fanout.nodereport import NodeReport, Verdict, read_report, worst
from manifests.errors import ExitCode, MalformedInput
from manifests.quantities import bytes_text
from manifests.safetext import safe_line

EVIDENCE_LINES: Final = 8
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127
_TIMED_OUT: Final = 124
_USAGE: Final = 2
_MODULE: Final = re.compile(r"No module named '?([A-Za-z0-9_.]+)")
_PATHS: Final = (
    "it must be at the same path on every node: install it on a shared file system, or name"
    " another with --python PATH or --command 'WORDS'"
)

REMEDIES: Final[Mapping[str, str]] = {
    "command-missing": _PATHS,
    "module-missing": _PATHS,
    "command-refused": "try the same command there by hand; the versions may differ",
    "command-killed": "look into the node's kernel log: memory may have run out",
    "timeout": "give it more time with --time MINUTES, or look what hangs there",
    "broken-off": "the node, its connection or its job ended early; look into its log",
    "no-report": "try the same command there by hand",
    "report-malformed": "use the same moonlift everywhere; login scripts must not print",
    "report-too-large": "try the same command there by hand",
    "report-disagrees": "use the same moonlift everywhere",
    "two-answers": "give each node a name of its own",
    "not-started": "see what srun said; scontrol show node NAME",
    "node-away": "scontrol show node NAME; then scontrol update NodeName=NAME State=RESUME",
    "gpus-missing": "nvidia-smi there; scontrol show node NAME: gres.conf must agree",
    "gpus-extra": "jobs see GPUs that they were not given: ConstrainDevices=yes in cgroup.conf",
    "ssh-host-key": "compare the host's key and add it to known_hosts: ssh HOST once, by hand",
    "ssh-denied": "no question is asked, so a key must do: ssh-copy-id HOST, ssh-add",
    "ssh-unknown": "mend the name, DNS or ~/.ssh/config",
    "ssh-unreachable": "is the host up, and does it listen there? --ssh-option Port=PORT",
    "ssh-failed": "try by hand: ssh -o BatchMode=yes HOST true",
    "shell-missing": "the host needs a POSIX shell, sh",
}
_SSH_WORDS: Final = (
    (
        "ssh-host-key",
        re.compile(r"host key verification failed|identification has changed", re.IGNORECASE),
    ),
    (
        "ssh-denied",
        re.compile(r"permission denied|too many authentication failures", re.IGNORECASE),
    ),
    ("ssh-unknown", re.compile(r"could not resolve|name or service not known", re.IGNORECASE)),
    (
        "ssh-unreachable",
        re.compile(r"connection (?:refused|timed out)|no route|unreachable", re.IGNORECASE),
    ),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person should know of a node.

    Attributes:
        verdict: `warn` or `fail`.
        code: stable, documented in docs/selftest.md.
        text: what was expected and what was found.
        evidence: the node's own words.
        remedy: what to do.
    """

    verdict: Verdict
    code: str
    text: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """What came of one node.

    Attributes:
        node: as it was asked for.
        report: what its self-test found; None when there is none to believe.
        troubles: besides what the report tells.
    """

    node: str
    report: NodeReport | None = None
    troubles: tuple[Trouble, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        own = self.report.worst_verdict if self.report else Verdict.FAIL
        return worst(own, *(one.verdict for one in self.troubles))


def trouble(code: str, text: str, said: str = "", verdict: Verdict = Verdict.FAIL) -> Trouble:
    """Return a trouble, its words made safe to show."""
    lines = [safe_line(line, limit=300) for line in said.splitlines() if line.strip()]
    evidence = tuple(lines[-EVIDENCE_LINES:])
    return Trouble(verdict, code, safe_line(text, limit=500), evidence, REMEDIES[code])


def judge_node(
    node: str, said: Said, command: Sequence[str], gpus: int | None, *, late: bool = False
) -> NodeOutcome:
    """Return what came of a node whose script began.

    Args:
        node: as it was asked for.
        said: what it printed.
        command: that it was to run, for the words.
        gpus: that it was granted; None when nothing is known of that.
        late: whether it was ended because the time was over.
    """
    why = _why_no_report(said, command, late=late)
    if why is not None:
        return NodeOutcome(node, None, (why,))
    try:
        report = read_report(said.report)
    except MalformedInput as error:
        shown = f"{said.aside}\n{said.report[:2000].decode('utf-8', errors='replace')}"
        return NodeOutcome(node, None, (trouble("report-malformed", str(error), shown),))
    return NodeOutcome(node, report, tuple(_doubts(said, report, gpus)))


def judge_connection(status: int, said: Said, *, late: bool) -> Trouble:
    """Return why the script did not begin on a host that ssh was to reach."""
    if late:
        return trouble("timeout", "expected an answer in time, found none", said.aside)
    if status == _NOT_FOUND:
        return trouble("shell-missing", "expected a shell, found none", said.aside)
    for code, pattern in _SSH_WORDS:
        if pattern.search(said.aside):
            return trouble(code, "expected a connection, ssh refused", said.aside)
    return trouble("ssh-failed", f"expected a connection, ssh ended with {status}", said.aside)


def _why_no_report(said: Said, command: Sequence[str], *, late: bool) -> Trouble | None:
    """Return why there is nothing to be read; None when there is."""
    if said.cut:
        expected = f"expected a report of at most {bytes_text(REPORT_LIMIT)}, found more"
        return trouble("report-too-large", expected, said.aside)
    if late or said.status == _TIMED_OUT:
        return trouble("timeout", "expected a report in time, found none", said.aside)
    if said.status is None:
        return trouble("broken-off", "the self-test began there and did not end", said.aside)
    if said.report:
        return None
    return _why_nothing(said.status, said.aside, command)


def _why_nothing(status: int, aside: str, command: Sequence[str]) -> Trouble:
    shown = " ".join(command)
    missing = _MODULE.search(aside)
    if status in (_NOT_FOUND, _NOT_EXECUTABLE):
        word = "there" if status == _NOT_FOUND else "executable"
        return trouble("command-missing", f"expected {command[0]}, found it is not {word}", aside)
    if missing:
        text = f"expected the module {missing[1]} for {command[0]}, found none"
        return trouble("module-missing", text, aside)
    if status == _USAGE:
        return trouble("command-refused", f"{shown}: refused", aside)
    if status > 128:
        return trouble("command-killed", f"{shown}: ended by {_signal_name(status - 128)}", aside)
    return trouble("no-report", f"{shown}: ended with {status} and no report", aside)


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _doubts(said: Said, report: NodeReport, gpus: int | None) -> Iterator[Trouble]:
    """Yield what does not fit a report that can be read."""
    right = Verdict.FAIL if said.status == ExitCode.SELFTEST_FAILED else Verdict.PASS
    found = Verdict.FAIL if report.verdict is Verdict.FAIL else Verdict.PASS
    if said.status not in (ExitCode.DONE, ExitCode.SELFTEST_FAILED) or right is not found:
        text = f"expected the exit status to fit the verdict {report.verdict}, found {said.status}"
        yield trouble("report-disagrees", text, said.aside)
    if gpus is not None and report.gpus != gpus:
        text = f"GPUs: expected {gpus}, which Slurm granted, found {report.gpus}"
        missing = report.gpus < gpus
        code, verdict = ("gpus-missing", Verdict.FAIL) if missing else ("gpus-extra", Verdict.WARN)
        yield trouble(code, text, verdict=verdict)
