"""Standard output and standard error of `installer`: nothing else here prints or ends it.

Standard output is the result, in words, as one JSON document or as JSON lines; standard error is
talk: a progress bar on a terminal, plain lines elsewhere. Owns the exit codes, too.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from types import FrameType
from typing import Final, NoReturn, TextIO, assert_never

from installer.events import (
    Advanced,
    DamageFound,
    Event,
    Failure,
    ImageLoaded,
    ImageSkipped,
    Noted,
    RunFinished,
    RunRecord,
    ServiceChanged,
    StageFailed,
    StageFinished,
    StageStarted,
    to_json,
)
from installer.logs.log import log_bug, log_event, log_failure
from installer.stream.bars import Bar, open_bar
from installer.stream.jsonlines import begin_json
from installer.stream.pace import Outline
from installer.words.results import (
    failure_json,
    layers_text,
    record_json,
    record_lines,
    short_name,
    skipped_text,
)
from manifests.bundle.damage import place_text
from manifests.errors import ExitCode, MoonliftError, UsageError
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line, safe_text
from manifests.strictjson import JsonValue, canonical, readable

_RED: Final = "\x1b[1;31m"
_PLAIN: Final = "\x1b[0m"


class Form(StrEnum):
    """How results are written."""

    TEXT = "text"
    JSON = "json"
    JSON_LINES = "jsonl"

    @classmethod
    def asked(cls, *, json: bool, jsonl: bool = False) -> Form:
        """Return what `--json` and `--jsonl` ask for; the latter wins."""
        return cls.JSON_LINES if jsonl else cls.JSON if json else cls.TEXT


class Console:
    """The two streams of one command."""

    def __init__(self, form: Form = Form.TEXT) -> None:
        self.form = form
        self._begun = False

    def lines(self, lines: Iterable[str]) -> None:
        """Write result lines; nothing in the JSON forms."""
        if self.form is Form.TEXT:
            _write(sys.stdout, "".join(f"{line}\n" for line in lines))

    def document(self, kind: str, value: Mapping[str, JsonValue]) -> None:
        """Write a result in the JSON forms; `kind` names it where several follow each other."""
        if self.form is Form.JSON:
            _write(sys.stdout, readable(dict(value)).decode())
        elif self.form is Form.JSON_LINES:
            self._line({"event": kind, **value})

    def say(self, text: str) -> None:
        """Write a line of talk."""
        if self.form is Form.TEXT:
            _write(sys.stderr, f"{safe_text(text)}\n")

    def follow(self, events: Iterable[Event], outline: Outline | None = None) -> RunRecord | None:
        """Show a stream of events until it ends; return its record, if it has one."""
        record: RunRecord | None = None
        with open_bar(sys.stderr, outline, quiet=self.form is not Form.TEXT) as bar:
            for event in events:
                log_event(event)
                if self.form is Form.JSON_LINES:
                    self._line(to_json(event))
                if isinstance(event, RunFinished):
                    record = event.record
                else:
                    _show(bar, event)
        return record

    def _line(self, value: dict[str, JsonValue]) -> None:
        """Write a line of JSON; before the first one that which says what these lines are."""
        first = [] if self._begun else [begin_json()]
        self._begun = True
        for one in (*first, value):
            _write(sys.stdout, f"{canonical(one).decode()}\n")

    def follow_run(self, events: Iterable[Event], outline: Outline | None = None) -> RunRecord:
        """Show a run, and return its record."""
        record = self.follow(events, outline)
        if record is None:
            raise AssertionError("a run ended without its record")
        return record

    def finish(self, record: RunRecord) -> ExitCode:
        """Say what a run came to, and return the exit code."""
        if record.failure is not None and self.form is Form.TEXT:
            self.failure(record.failure)
        self.lines(record_lines(record))
        if self.form is Form.JSON:
            self.document("record", record_json(record))
        return record.exit_code

    def failure(self, failure: Failure) -> None:
        """Tell an expected failure: what was expected and found, its code, the next step."""
        log_failure(failure)
        if self.form is Form.TEXT:
            _write(sys.stderr, "".join(_failure_lines(failure, coloured=_coloured(sys.stderr))))
        else:
            self.document("error", {"error": failure_json(failure)})

    def ask(self, question: str, without: str) -> str:
        """Ask on the terminal, and return the answer.

        Raises:
            UsageError: `not-a-terminal`, with `without` as the hint.
        """
        self.refuse_silence(without)
        _write(sys.stderr, f"{question} ")
        return sys.stdin.readline().strip()

    def confirm(self, question: str) -> None:
        """Ask whether to go on.

        Raises:
            KeyboardInterrupt: the answer is no.
            UsageError: `not-a-terminal`.
        """
        if self.ask(f"{question} [y/N]", "--yes").casefold() not in ("y", "yes"):
            raise KeyboardInterrupt

    def refuse_silence(self, without: str) -> None:
        """Refuse to go on where an answer will be needed and no one can give it.

        Raises:
            UsageError: `not-a-terminal`, with `without` as the hint.
        """
        if not self.interactive:
            raise UsageError(
                "not-a-terminal", "this needs an answer, and no one can be asked", hint=without
            )

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return self.form is Form.TEXT and sys.stdin.isatty() and sys.stderr.isatty()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn expected failures into a message and an exit code.

        Raises:
            SystemExit: with the code.
        """
        try:
            yield
        except MoonliftError as error:
            self.failure(Failure.of(error))
            raise SystemExit(int(error.exit_code)) from error
        except KeyboardInterrupt as error:
            raise SystemExit(int(ExitCode.INTERRUPTED)) from error


def exit_with(main: Callable[[], object]) -> NoReturn:
    """Call `main` and end the process with the right code, whatever happens inside.

    At once: a thread that waits for an engine or a drive must not hold it up.
    """
    code: int = ExitCode.DONE
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else ExitCode.BUG
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - anything else is a bug: shown whole, with its own code
        traceback.print_exc()
        log_bug(error)
        code = ExitCode.BUG
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Turn the first SIGINT or SIGTERM into an event; a second SIGINT breaks off hard."""
    asked = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        _write(sys.stderr, "\nstopping; again to break off\n")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _show(bar: Bar, event: Event) -> None:
    match event:
        case StageStarted():
            bar.start(event)
        case Advanced():
            bar.advance(event)
        case StageFinished() | StageFailed():
            bar.end(event.stage)
        case ImageLoaded() | ServiceChanged() | DamageFound() | ImageSkipped():
            bar.line(_fact_line(event))
        case Noted(code=code) if code != "nothing-to-do":
            bar.line(event.text)
        case _:
            pass


def _fact_line(event: ImageLoaded | ServiceChanged | DamageFound | ImageSkipped) -> str:
    match event:
        case ImageLoaded():
            return _loaded_line(event)
        case ServiceChanged():
            return _service_line(event)
        case DamageFound():
            return f"damaged      {safe_line(place_text(event))}"
        case ImageSkipped():
            return f"not loaded   {safe_line(skipped_text(event))}"
        case _:
            assert_never(event)


def _loaded_line(event: ImageLoaded) -> str:
    size, seconds = bytes_text(event.bytes_read), seconds_text(event.seconds)
    name, layers = safe_line(short_name(event.name)), layers_text(event.layers_sent)
    return f"loaded       {name}: {layers}, {size}, {seconds}"


def _service_line(event: ServiceChanged) -> str:
    detail = f": {safe_text(event.detail)}" if event.detail else ""
    return f"{event.state:<12} {safe_line(event.container or event.service)}{detail}"


def _failure_lines(failure: Failure, *, coloured: bool) -> Iterator[str]:
    before, after = (_RED, _PLAIN) if coloured else ("", "")
    yield f"{before}installer: {safe_text(failure.message)}{after}\n"
    yield f"  code: {failure.code}\n"
    if failure.hint:
        yield f"  next: {safe_text(failure.hint)}\n"


def _coloured(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
