"""What is said to a person who names a bundle and no verb.

Owns nothing else of the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from typer.core import TyperGroup

from manifests.safetext import safe_line

_LIMIT: Final = 200


class Verbs(TyperGroup):
    """The verbs; a path in the place of one is answered with the verb that is likely meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb's name, the verb, and the rest of the line."""
        word = args[0]
        if self.get_command(ctx, word) is None and Path(word).exists():
            shown = safe_line(word, limit=_LIMIT)
            ctx.fail(
                f"expected a verb, found the path {shown}: installer install {shown},"
                " or installer alone for the full-screen program"
            )
        return super().resolve_command(ctx, args)
