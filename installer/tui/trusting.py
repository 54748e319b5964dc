"""Trust: who signed the bundle, before anything else; and what to do if nobody did."""

from __future__ import annotations

from typing import ClassVar, Final

from installer.events import Failure
from installer.tui import detours
from installer.tui.asking import Question
from installer.tui.lines import Line, Mark, head
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.trustlines import Remedy, refusal_lines, remedies, trust_lines
from installer.tui.widgets import Choice
from installer.verify import VerifiedBundle
from manifests.safetext import safe_line

_ON: Final = Choice("on", "Go on")
_AGAIN: Final = Choice("again", "Try again")
_BACK: Final = Choice("back", "Back")
_SURE: Final = {
    Remedy.OLDER: "An older release may have holes that a newer one has closed. Only its maker can"
    " tell. Install it all the same?",
    Remedy.EXPIRED: "The maker wanted this release not to be installed any more. Install it all the"
    " same?",
}


class TrustScreen(StepScreen):
    """Verifies the seal and shows whose it is."""

    step: ClassVar[Step] = Step.TRUST

    def begin(self) -> None:
        """Open the bundle in a thread."""
        self.show(
            [head(safe_line(str(self.program.session.bundle))), Line("checking the seal ...")]
        )
        self.ask(self.program.session.open, self._trusted, self._refused)

    def chosen(self, name: str) -> None:
        """Go on, back, or mend what can be mended."""
        if name == _ON.name:
            self.program.go(Step.PLAN)
        elif name == _AGAIN.name:
            self.program.go(Step.TRUST)
        elif name == Remedy.ADD_KEY:
            detours.add_key(self.program)
        elif name in list(Remedy):
            self._confirm(Remedy(name))
        else:
            self.action_back()

    def action_back(self) -> None:
        """Choose another bundle."""
        self.program.go(Step.CHOOSE)

    def _trusted(self, verified: VerifiedBundle) -> None:
        self.show(trust_lines(verified))
        self.offer(_ON, _BACK)

    def _refused(self, failure: Failure) -> None:
        self.show(refusal_lines(failure))
        found = [Choice(str(one), str(one)) for one in remedies(failure)]
        chosen = Remedy.ADD_KEY if Remedy.ADD_KEY in remedies(failure) else _BACK.name
        self.offer(*found, _AGAIN, _BACK, chosen=chosen)

    def _confirm(self, remedy: Remedy) -> None:
        question = Question(
            [Line(_SURE[remedy], mark=Mark.WARN)],
            [Choice("", "No, go back"), Choice(str(remedy), str(remedy))],
        )
        self.app.push_screen(question, self._let_pass)

    def _let_pass(self, answer: str | None) -> None:
        session = self.program.session
        if answer == Remedy.OLDER:
            session.allow_downgrade = True
        elif answer == Remedy.EXPIRED:
            session.accept_expired = True
        else:
            return
        self.program.go(Step.TRUST)
