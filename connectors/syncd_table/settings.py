"""The part of `syncd.yaml` that describes a table. Nothing here opens a file."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from syncd.core.model import Kind

_NAMED_DELIMITERS = {"auto": "auto", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class TableSettings(BaseModel):
    """A CSV or XLSX file, one row a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(examples=["people.csv"])
    """The file, CSV (any extension) or XLSX; relative to the folder of `syncd.yaml`."""
    key: Annotated[str, Field(min_length=1, examples=["Employee Number"])]
    """The column with each row's stable id, such as the employee number. Never a name: people marry, teams are renamed."""
    kind: Literal[Kind.PERSON, Kind.UNIT, Kind.GROUP] = Kind.PERSON
    """What a row is: `person`, `unit` or `group`."""
    sheet: str | None = None
    """The sheet of a workbook; the first one if left out."""
    header_row: Annotated[int, Field(ge=1)] = 1
    """The row that holds the names of the columns; rows above it are ignored."""
    encoding: str = "auto"
    """`auto`, or a name such as `utf-8`, `gb18030`, `windows-1252`, `utf-16`. Of no meaning for XLSX."""
    delimiter: str = "auto"
    """`auto`, one character, or `comma`, `semicolon`, `tab`, `pipe`. Of no meaning for XLSX."""
    settle_seconds: Annotated[float, Field(ge=0, le=60)] = 2.0
    """A file that was written less than this long ago is looked at again before it is read, so that half a copy is not read."""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        if value != "auto":
            try:
                codecs.lookup(value)
            except LookupError:
                msg = f"there is no encoding {value!r}; write auto, utf-8, gb18030, big5, windows-1252 or utf-16"
                raise ValueError(msg) from None
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        value = _NAMED_DELIMITERS.get(value, value)
        if value != "auto" and (len(value) != 1 or value in '\r\n" '):
            msg = (
                "write auto, comma, semicolon, tab, pipe, or one character that is neither a blank nor a quotation mark"
            )
            raise ValueError(msg)
        return value
