"""Walks through a script as a shell would read it, and hands on every command that it may run.

Owns the grammar (POSIX shell, section 2.9): lists, `if`, `case`, loops, functions, subshells. Of
branches each is walked, loops once with all values of their variable. Nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from bundler.discover.shell.assign import (
    DECLARATIONS,
    READERS,
    assign,
    assign_unknown,
    is_assignment,
)
from bundler.discover.shell.blocks import Blocks
from bundler.discover.shell.command import Command, Script, argument_of, parameters_of
from bundler.discover.shell.expand import Expansion, named
from bundler.discover.shell.scene import MAX_NESTING, Function, Scene
from bundler.discover.shell.tokens import Kind, Operator, ShellLimit, Word, pieces_of
from bundler.discover.shell.variables import Alternatives, distinct
from bundler.discover.shell.words import Words

_REDIRECTIONS: Final = frozenset({"<", ">", ">>", ">|", "<>", ">&", "<&", "&>", "&>>", "<<<"})
_SKIPPED: Final = frozenset({"then", "do", "!", "time", "coproc"})
_ENTERING: Final = 500
"""What it counts to begin with a stretch, in characters."""
_ARITHMETIC: Final = 1000
"""Characters of `((...))` at most."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_:.-]*", re.ASCII)
_NO_ARGUMENTS: Final = re.compile(r"\s*\)")


def walk(script: Script, scene: Scene) -> None:
    """Walk through a script, then through the functions that nothing in it called.

    Raises:
        ShellLimit: the script holds more than is looked at.
    """
    _Walk(script, 0, len(script.text), scene).run()
    for function in list(scene.functions.values()):
        if not function.called:
            _enter(function.script, function.start, function.end, scene)


def _enter(script: Script, start: int, end: int, scene: Scene) -> None:
    if scene.nesting >= MAX_NESTING:
        raise ShellLimit(f"scripts and functions nested deeper than {MAX_NESTING}")
    scene.nesting += 1
    try:
        _Walk(script, start, end, scene).run()
    finally:
        scene.nesting -= 1


class _Walk:
    """One stretch of a script."""

    def __init__(self, script: Script, start: int, end: int, scene: Scene) -> None:
        scene.budget.spend(end - start + _ENTERING)
        self._script = script
        self._scene = scene
        self._variables = scene.variables
        self._expansion = Expansion(script.text, scene.variables, scene.budget)
        self._reader = Words(script.text, start, end)
        self._blocks = Blocks(scene.variables)
        self._words: list[Word] = []
        self._input: Operator | None = None
        self._redirected = False
        self._in_pattern = False
        self._conditional = False

    def run(self) -> None:
        while (token := self._reader.next()) is not None:
            self._scene.budget.spend(0)
            if isinstance(token, Word):
                self._word(token)
            else:
                self._operator(token)
        self._finish()
        self._blocks.close_all()

    def _word(self, word: Word) -> None:
        if self._redirected:
            self._redirected = False
        elif self._in_pattern:
            self._pattern(word)
        elif word.plain == "{" and self._words and self._words[0].plain == "function":
            self._blocks.expect_body(self._function_name())
            self._words.clear()
            self._keyword(word)
        elif self._words or not self._keyword(word):
            self._words.append(word)
            self._begin_case()

    def _pattern(self, word: Word) -> None:
        if word.plain == "esac":
            self._in_pattern = False
            self._blocks.close("case")
        elif word.plain == "*":
            self._blocks.complete()

    def _keyword(self, word: Word) -> bool:
        """Take a reserved word; tell whether it was one."""
        name = word.plain
        if name in _SKIPPED:
            return True
        taken = self._blocks.take(name, word.start)
        if taken is not None:
            self._define(taken.name, taken.start, word.end)
        return taken is not None

    def _define(self, name: str, start: int, end: int) -> None:
        if name and name not in self._scene.functions:
            self._scene.functions[name] = Function(self._script, start, end)

    def _begin_case(self) -> None:
        words = self._words
        if len(words) == 3 and words[0].plain == "case" and words[2].plain == "in":
            self._blocks.open("case", words[0].start)
            self._in_pattern = True
            words.clear()

    def _operator(self, operator: Operator) -> None:
        text = operator.text
        if self._in_test() and text not in (";", "\n"):
            return
        if self._in_pattern:
            self._in_pattern = text != ")"
        elif text in ("<<", "<<-"):
            self._input = operator
        elif text in _REDIRECTIONS:
            self._redirected = True
        elif text == "(":
            self._parenthesis(operator.start)
        else:
            self._separator(text, operator.start)

    def _in_test(self) -> bool:
        return bool(self._words) and self._words[0].plain == "[[" and self._words[-1].plain != "]]"

    def _parenthesis(self, start: int) -> None:
        text = self._script.text
        if text.startswith("((", start):
            end = text.find("))", start, start + _ARITHMETIC)
            self._reader.at = end + 2 if end >= 0 else self._reader.at + 1
        elif (match := _NO_ARGUMENTS.match(text, start + 1)) and self._function_name():
            self._reader.at = match.end()
            self._blocks.expect_body(self._function_name())
            self._words.clear()
        else:
            self._finish()
            self._blocks.open("(", start)

    def _function_name(self) -> str:
        names = [word.plain for word in self._words]
        if len(names) == 2 and names[0] == "function":
            del names[0]
        return names[0] if len(names) == 1 and _NAME.fullmatch(names[0]) else ""

    def _separator(self, text: str, start: int) -> None:
        done = bool(self._words)
        self._finish()
        if text == ")":
            taken = self._blocks.close("(")
            self._define(taken.name, taken.start, start + 1)
        elif text in (";;", ";&", ";;&"):
            self._in_pattern = self._blocks.next_pattern()
        if text in ("&&", "||"):
            self._conditional = True
        elif done:
            self._conditional = False

    def _finish(self) -> None:
        """End the present command and carry it out."""
        words, operator = self._words, self._input
        self._words, self._input, self._redirected = [], None, False
        self._reader.renew()
        if not words:
            return
        if words[0].plain in ("for", "select"):
            self._loop(words)
        elif not self._blocks.silent:
            if self._conditional:
                self._variables.begin_choice()
            self._carry_out(words, operator)
            if self._conditional:
                self._variables.end_choice(complete=False)

    def _loop(self, words: list[Word]) -> None:
        """Give the variable of `for name in ...` all its values, then enter the loop."""
        items = words[3:] if len(words) > 2 and words[2].plain == "in" else []
        name = words[1].plain if len(words) > 1 else ""
        certain = False
        if items and not self._blocks.silent:
            self._substitutions(items)
            rows = (values for item in items for values in self._expansion.fields(item))
            found = distinct((named(value, name),) for values in rows for value in values)
            certain = bool(found)
            self._variables.set(name, found)
        self._blocks.open("loop", words[0].start)
        if certain:
            self._blocks.complete()

    def _carry_out(self, words: list[Word], operator: Operator | None) -> None:
        self._substitutions(words)
        count = next((at for at, word in enumerate(words) if not is_assignment(word)), len(words))
        command = words[count:]
        if not command:
            for word in words:
                assign(word, self._expansion, self._variables)
            return
        name = command[0].plain
        if name in DECLARATIONS:
            for word in command[1:]:
                assign(word, self._expansion, self._variables)
        elif name in READERS:
            assign_unknown(command[1:], self._variables, name)
        elif name == "shift" or (name == "set" and command[1:2] and command[1].plain == "--"):
            self._set_parameters(command)
        else:
            self._call(command, operator)

    def _set_parameters(self, command: list[Word]) -> None:
        """Carry out `set -- ...` and `shift`; what a caller would give stays unknown."""
        if command[0].plain == "set":
            fields = [self._expansion.fields(word) for word in command[2:]]
            self._variables.parameters = tuple(parameters_of(fields))
        elif self._variables.parameters is not None:
            text = command[1].plain if len(command) > 1 else "1"
            count = int(text) if text.isdecimal() and len(text) < 4 else 1
            self._variables.parameters = self._variables.parameters[count:]

    def _substitutions(self, words: Iterable[Word]) -> None:
        """Walk through the commands of `$(...)` in words, as subshells."""
        for piece in pieces_of(words):
            if piece.kind is Kind.COMMAND:
                self._variables.begin_choice()
                _enter(self._script, piece.start, piece.end, self._scene)
                self._variables.forget_choice()

    def _call(self, words: list[Word], operator: Operator | None) -> None:
        fields = [self._expansion.fields(word) for word in words]
        function = self._scene.functions.get(words[0].plain)
        if function is not None:
            self._call_function(function, fields[1:])
            return
        document = self._document(operator)
        for row in range(max(map(len, fields))):
            picked = [one[min(row, len(one) - 1)] for one in fields]
            arguments = tuple(
                argument_of(value, self._script.place(word.start))
                for word, values in zip(words, picked, strict=True)
                for value in values
            )
            self._scene.budget.spend(8 * len(arguments))
            if arguments:
                self._visit(Command(arguments, document))

    def _call_function(self, function: Function, fields: list[Alternatives]) -> None:
        function.called = True
        if self._scene.nesting >= MAX_NESTING:
            return
        before = self._variables.parameters
        self._variables.parameters = tuple(parameters_of(fields))
        _enter(function.script, function.start, function.end, self._scene)
        self._variables.parameters = before

    def _document(self, operator: Operator | None) -> Script | None:
        """Return a here-document as a script; what is filled in by this shell is left as it is."""
        if operator is None or operator.body is None:
            return None
        start, end = operator.body
        body = self._script.text[start:end]
        place = self._script.place(start)
        text = body.replace("\\$", "$") if operator.expands else body
        self._scene.budget.spend(len(text))
        script = Script(text, place.file, line=place.line)
        script.fill = self._fill if operator.expands else None
        return script

    def _fill(self, line: str) -> tuple[str, ...]:
        return Expansion(line, self._variables, self._scene.budget).text()

    def _visit(self, command: Command) -> None:
        name = command.arguments[0].text
        if name in ("source", ".") and len(command.arguments) > 1:
            script = self._scene.load(command.arguments[1])
            scripts: Iterable[Script] = [script] if script else []
        else:
            scripts = self._scene.visit(command)
        for script in scripts:
            _enter(script, 0, len(script.text), self._scene)
