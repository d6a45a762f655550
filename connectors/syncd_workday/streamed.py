"""One JSON answer without pages, cut into its rows while it comes. Pure: bytes in, bytes out; nothing is decoded here.

A report has up to 2 GB and no pages, so the whole of it is never held. Where it ended is told, because half a report is still
the beginning of good JSON: only a closed list in a closed object is a whole one.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]"]', re.DOTALL)
_TEXT: Final = ord('"')
ROW_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of one row: a photo fits, a runaway text does not."""


class RowTooLong(ValueError):
    """A row goes on beyond `ROW_LIMIT`."""


class RowsIn:
    """The objects of the list that one key of a JSON object holds; or the one object that it holds instead of a list."""

    def __init__(self, key: str) -> None:
        self._key = f'"{key}"'.encode()
        self._text = b""
        self._at = 0
        """Up to where `_text` was looked at."""
        self._begun = -1
        """Where the present row begins in it, -1 between rows."""
        self._depth = 0
        self._floor = 0
        """At which depth the rows stand, 0 outside of them."""
        self._last = b""
        self.found = False
        """Whether the key was there."""
        self.whole = False
        """Whether the outermost object was closed."""
        self.start = b""
        """How the answer begins, to tell a web page from JSON."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the rows that a piece completes. Raises `RowTooLong`."""
        if len(self.start) < 512:
            self.start = (self.start + piece)[:512]
        self._text += piece
        rows, at = [], len(self._text)
        for token in _TOKEN.finditer(self._text, self._at):
            if token.group() == b'"':
                at = token.start()  # a text that goes on in the next piece
                break
            if (row := self._step(token)) is not None:
                rows.append(row)
        kept = self._begun if self._begun >= 0 else at
        self._text, self._at, self._begun = self._text[kept:], at - kept, min(self._begun, 0)
        if len(self._text) > ROW_LIMIT:
            raise RowTooLong
        return rows

    def _step(self, token: re.Match[bytes]) -> bytes | None:
        """Go on by a token; return the row that it closes."""
        sign = token.group()
        if sign[0] == _TEXT:
            if self._depth == 1:
                self._last = sign
        elif sign in (b"{", b"["):
            self._open(sign, token.start())
        else:
            return self._close(token.end())
        return None

    def _open(self, sign: bytes, at: int) -> None:
        self.whole = False  # what goes on behind its end is no answer
        if self._depth == 1 and self._last == self._key:
            self.found = True
            self._floor = 2 if sign == b"[" else 1
        if sign == b"{" and self._depth == self._floor > 0:
            self._begun = at
        self._depth += 1

    def _close(self, end: int) -> bytes | None:
        self._depth -= 1
        if self._depth == 0:
            self.whole = True
        if self._begun >= 0 and self._depth == self._floor:
            row, self._begun = self._text[self._begun : end], -1
            self._floor = self._floor if self._floor > 1 else 0
            return row
        if self._depth < self._floor:
            self._floor = 0
        return None
