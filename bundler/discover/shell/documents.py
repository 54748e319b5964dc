"""Where the lines of here-documents are (POSIX shell, section 2.7.4)."""

from __future__ import annotations


class HereDocuments:
    """The here-documents of a stretch of a script, which begin behind the line that names them."""

    def __init__(self, text: str, end: int) -> None:
        self._text = text
        self._end = end
        self._line_end = -1
        self._behind = 0

    def take(self, ending: str, at: int, *, tabs: bool) -> tuple[int, int]:
        """Return the offsets of a document's lines.

        Args:
            ending: the line that ends it.
            at: offset behind the operator and its word.
            tabs: whether tabs may stand before that line, as with `<<-`.
        """
        if self._line_end < at:
            self._line_end = self._find_line_end(at)
            self._behind = min(self._line_end + 1, self._end)
        begin = self._behind
        end, self._behind = self._find_last_line(ending, begin, tabs=tabs)
        return begin, end

    def behind(self, line_end: int) -> int:
        """Return where the script goes on behind a line, its documents passed over."""
        return self._behind if line_end == self._line_end else line_end + 1

    def _find_last_line(self, ending: str, begin: int, *, tabs: bool) -> tuple[int, int]:
        """Return where the line is that ends a document, and where the next one begins."""
        at = begin
        while at <= self._end and (at := self._text.find(ending, at, self._end)) >= 0:
            behind = at + len(ending)
            first = at
            while tabs and first > begin and self._text[first - 1] == "\t":
                first -= 1
            starts = first == begin or self._text[first - 1] == "\n"
            if starts and (behind == self._end or self._text[behind] == "\n"):
                return first, min(behind + 1, self._end)
            at += 1
        return self._end, self._end

    def _find_line_end(self, at: int) -> int:
        while True:
            at = self._text.find("\n", at, self._end)
            if at < 0:
                return self._end
            if self._text[at - 1] != "\\":
                return at
            at += 1
