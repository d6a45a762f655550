"""CSV as a grid: decoding, the delimiter, rows with their line numbers. It never repairs a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from syncd.core.errors import NeedsHuman, Place, Problem, TryAgain, foreign
from syncd_table import messages
from syncd_table.encoding import Encoding, detect, first_error
from syncd_table.grid import ERROR_TEXTS, Cell, Row, Spoiled

_DELIMITERS: Final = (",", ";", "\t", "|")
_NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_SAMPLE_ROWS: Final = 500


class TextFile:
    """A CSV file that was read into memory."""

    exact_width: Final = True

    def __init__(self, path: Path, content: bytes, *, encoding: str, delimiter: str, key: str) -> None:
        self._path = path
        self._content = content
        self._encoding = detect(content) if encoding == "auto" else Encoding(name=encoding, sure=1.0)
        if (position := first_error(content, self._encoding.name)) is not None:
            raise NeedsHuman(self._undecodable(position))
        agreement = 1.0
        self._delimiter = delimiter
        if delimiter == "auto":
            self._delimiter, agreement = self._find_delimiter(key)
        self.notes = self._said(agreement)
        self.seen = f"CSV, {self._encoding.name}, separated by {_NAMES.get(self._delimiter, repr(self._delimiter))}"

    def rows(self) -> Iterator[Row]:
        reader = csv.reader(self._text(), delimiter=self._delimiter, strict=True)
        line = 1
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise self._broken(error, line) from error
            if fields is None:
                return
            yield Row(line, tuple(map(_cell, fields)))
            line = reader.line_num + 1

    def _text(self) -> io.TextIOWrapper:
        # utf-8-sig also reads files without a mark, and keeps one out of the first column's name.
        name = (
            "utf-8-sig" if self._encoding.name.lower().replace("_", "-") in {"utf-8", "utf8"} else self._encoding.name
        )
        return io.TextIOWrapper(io.BytesIO(self._content), encoding=name, newline="")

    def _find_delimiter(self, key: str) -> tuple[str, float]:
        """Return the delimiter that fits best, and how sure that is: 1 if it finds the key, else the share that agrees."""
        scores = {delimiter: self._score(delimiter, key) for delimiter in _DELIMITERS}
        best = max(_DELIMITERS, key=lambda delimiter: scores[delimiter])
        named, width, agreement = scores[best]
        return best, 1.0 if named or width == 1 else agreement

    def _score(self, delimiter: str, key: str) -> tuple[bool, int, float]:
        """Tell how well a delimiter fits: the key is a column; there are columns at all; the rows agree about their number."""
        widths: list[int] = []
        header: list[str] = []
        try:
            for fields in csv.reader(self._text(), delimiter=delimiter):
                if fields:
                    header = header or fields
                    widths.append(len(fields))
                if len(widths) > _SAMPLE_ROWS:
                    break
        except csv.Error:
            return False, 0, 0.0
        if not widths:
            return False, 0, 0.0
        usual = max(set(widths), key=widths.count)
        named = key in (name.strip() for name in header)
        return named, usual if widths.count(usual) > len(widths) / 2 else 1, widths.count(usual) / len(widths)

    def _said(self, agreement: float) -> tuple[Problem, ...]:
        place = Place(file=str(self._path))
        notes = []
        if self._encoding.sure < 1:
            share = f"{self._encoding.sure:.0%}"
            notes.append(messages.GUESSED_ENCODING.at(place, encoding=self._encoding.name, share=share))
        if agreement < 1:
            name = _NAMES.get(self._delimiter, repr(self._delimiter))
            notes.append(messages.GUESSED_DELIMITER.at(place, delimiter=name, share=f"{agreement:.0%}"))
        return tuple(notes)

    def _undecodable(self, position: int) -> Problem:
        line = self._content.count(b"\n", 0, position) + 1
        column = position - (self._content.rfind(b"\n", 0, position) + 1) + 1
        place = Place(file=str(self._path), line=line, column=column)
        return messages.UNDECODABLE.at(place, encoding=self._encoding.name, position=position + 1)

    def _broken(self, error: csv.Error, line: int) -> NeedsHuman | TryAgain:
        place = Place(file=str(self._path), line=line)
        text = str(error)
        if "unexpected end of data" in text:
            return TryAgain(messages.CUT_OFF.at(place), after=timedelta(minutes=1))
        if "field larger" in text:
            return NeedsHuman(messages.HUGE_FIELD.at(place, limit=csv.field_size_limit()))
        return NeedsHuman(messages.MALFORMED.at(place, reason=foreign(text)))


def _cell(text: str) -> Cell:
    return Spoiled(message=messages.ERROR_CELL, error=text) if text in ERROR_TEXTS else text
