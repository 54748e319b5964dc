"""Trusting a key: from a file that a person chose, after its fingerprint was typed or compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from installer.events import Failure
from installer.trust import TrustStore
from installer.tui import detours
from installer.tui.lines import Line, Mark, failure_lines, head
from installer.tui.stepscreen import PlainScreen
from installer.tui.widgets import Choice
from installer.verbs.trust import read_key
from manifests.safetext import safe_line
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.sshkey import PublicKey

_BROWSE: Final = Choice("browse", "Browse for the file")
_TYPED: Final = Choice("typed", "Trust it: the fingerprint is typed in")
_SAME: Final = Choice("same", "Trust it: I compared every character")
_BACK: Final = Choice("back", "Back")


class KeyScreen(PlainScreen):
    """Reads a key's file, shows its fingerprint, and takes it only when a person knows it."""

    rows: ClassVar[bool] = True
    keys: ClassVar[Sequence[tuple[str, str]]] = (
        ("Enter", "do it"),
        ("Tab", "next"),
        ("Esc", "back"),
        ("?", "help"),
        ("q", "leave"),
    )

    def __init__(self) -> None:
        super().__init__()
        self._key: PublicKey | None = None

    def headline(self) -> str:
        """Return what is asked."""
        return "Trust a signer's key"

    def middle(self) -> Iterable[Widget]:
        """Yield the fields."""
        for name, label, hint in (
            ("file", "key file", "path of the signer's .pub file, then Enter"),
            ("name", "signer", "such as release@acme"),
            ("fingerprint", "fingerprint", "as you were told, or leave empty and compare"),
        ):
            yield Horizontal(Static(label), Input(placeholder=hint, id=name), classes="field")

    def begin(self) -> None:
        """Wait for a file."""
        self.show(_first_lines())
        self.offer(_BROWSE, _BACK)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Read the file, or go to the next field."""
        message.stop()
        if message.input.id == "file":
            self._read(Path(message.value.strip()).expanduser())
        elif message.input.id == "fingerprint" and message.value.strip():
            self.chosen(_TYPED.name)
        else:
            self.focus_next()

    def chosen(self, name: str) -> None:
        """Read another file, trust the key or go back."""
        if name == _BROWSE.name:
            detours.browse_for_key(self.program, self._read)
        elif name == _BACK.name:
            self.action_back()
        elif self._key is not None:
            typed = self._value("fingerprint") if name == _TYPED.name else self._key.fingerprint
            self._add(self._key, typed)

    def action_back(self) -> None:
        """Trust nothing."""
        self.program.pop_screen()

    def _read(self, path: Path) -> None:
        self.query_one("#file", Input).value = str(path)
        self.ask(lambda: read_key(path), self._found, self._refuse)

    def _found(self, found: tuple[PublicKey, str]) -> None:
        self._key, comment = found
        if not self._value("name"):
            self.query_one("#name", Input).value = comment
        self.show(key_lines(self._key))
        self.offer(_TYPED, _SAME, _BROWSE, _BACK, chosen=None)
        self.query_one("#fingerprint", Input).focus()

    def _add(self, key: PublicKey, fingerprint: str) -> None:
        store, name = TrustStore(self.program.homes.trust), self._value("name")
        self.ask(
            lambda: store.add(key, name, expected_fingerprint=fingerprint),
            self._added,
            self._refuse,
        )

    def _added(self, signer: AllowedSigner) -> None:
        del signer
        self.program.key_added()

    def _refuse(self, failure: Failure) -> None:
        shown = key_lines(self._key) if self._key is not None else _first_lines()
        self.show([*failure_lines(failure), Line(""), *shown])

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()


def key_lines(key: PublicKey) -> Iterator[Line]:
    """Show a key's fingerprint, and say what to do with it."""
    yield head("This key's fingerprint")
    yield Line(key.fingerprint, "fingerprint")
    yield Line(safe_line(str(key.key_type)), "kind")
    yield Line(
        "Compare it, every character, with what the signer told you by another way than this"
        " drive: by telephone, on paper. A key that came with the bundle proves nothing by itself.",
        mark=Mark.WARN,
    )


def _first_lines() -> Iterator[Line]:
    yield Line("A key decides whose bundles this host installs. It is never taken from a bundle.")
    yield Line("Name the file with the signer's public key.")
