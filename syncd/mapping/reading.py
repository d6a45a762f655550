"""Rule files as they are written: YAML, checked for their shape, with tables loaded and a digest of everything read.

What the rules mean is not looked at here. Files that the rules name are read once, when the rules are loaded.
"""

from __future__ import annotations

import csv
import hashlib
import io
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from syncd.config.yaml import Document, did_you_mean, read
from syncd.core.errors import Misconfigured, Place, Problem, foreign
from syncd.core.values import Value
from syncd.mapping import messages
from syncd.mapping.schema import InboundFile, OutboundFile, RuleFile, Table

TABLE_LIMIT: Final = 16 * 2**20
"""Bytes of one lookup table's file."""
MAPPING_VERSION: Final = 1
"""Part of every rules digest, as the version of the function library is. Raise it whenever this room gives another result
for the same rules and records, so that records which did not change are mapped again."""
Loc = tuple[str | int, ...]

_SHAPES: Final[Mapping[str, str]] = {
    "string_type": "a text is expected (put it in quotes)",
    "int_type": "a whole number is expected",
    "bool_type": "true or false is expected",
    "list_type": "a list is expected, such as [trim, lower]",
    "dict_type": "a mapping (`key: value` lines) is expected",
    "model_type": "a mapping (`key: value` lines) is expected",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A rule file that was read: its shape is right, its meaning is not yet known."""

    file: RuleFile
    document: Document
    tables: Mapping[str, Mapping[str, Value]]
    digest: bytes
    problems: list[Problem] = field(default_factory=list)
    """What was found so far; the loader adds to it and raises all at once."""

    @property
    def files(self) -> frozenset[Path]:
        """Return the rule file, and the tables that it reads from files."""
        folder = self.document.path.parent
        read = (table.file for table in self.file.tables.values() if isinstance(table, Table))
        return frozenset({self.document.path, *(folder / file for file in read)})

    def place(self, loc: Loc, of: Literal["key", "value", "text"] = "value") -> Place:
        return self.document.place(*loc, of=of)


def read_rules(path: Path, wanted: Literal["inbound", "outbound"], *, version: int) -> Written:
    """Read and validate a rule file. Raises Misconfigured with every problem of its shape.

    `version` is the version of the function library; it goes into the digest.
    """
    document = read(path)
    direction = document.root.get("rules")
    if direction in ("inbound", "outbound") and direction != wanted:
        place = document.place("rules")
        raise Misconfigured([messages.WRONG_DIRECTION.at(place, found=direction, wanted=wanted)])
    model: type[InboundFile | OutboundFile] = InboundFile if wanted == "inbound" else OutboundFile
    file = validated(model, document)
    problems: list[Problem] = []
    tables, raw = _tables(file, document, problems)
    problems += _settings(file, document)
    digest = hashlib.blake2b(digest_size=16)
    for part in (b"%d.%d" % (version, MAPPING_VERSION), path.read_bytes(), *raw):
        digest.update(len(part).to_bytes(8, "big") + part)
    return Written(file=file, document=document, tables=tables, digest=digest.digest(), problems=problems)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems in the order of the file, each once."""
    once = {(problem.place, str(problem)): problem for problem in problems}
    return sorted(once.values(), key=lambda problem: (problem.place.line, problem.place.column))


M = typing.TypeVar("M", bound=BaseModel)


def validated(model: type[M], document: Document) -> M:
    """Return the document as a `model`. Raises Misconfigured with one problem for each mistake."""
    try:
        return model.model_validate(document.root)
    except ValidationError as error:
        findings = error.errors(include_url=False, include_input=False)
        problems = {
            (problem.place, problem.code): problem for each in findings for problem in [_told(each, document, model)]
        }
        raise Misconfigured(problems.values()) from None


def _told(finding: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    loc = finding["loc"]
    name = foreign(next((str(part) for part in reversed(loc) if document.has(*_real(loc, document), part)), ""))
    match finding["type"]:
        case "extra_forbidden":
            known = _known(model, loc[:-1])
            place = document.place(*loc, of="key")
            word = foreign(str(loc[-1]))
            return messages.UNKNOWN_KEY.at(place, name=word, similar=did_you_mean(word, known), known=", ".join(known))
        case "missing":
            return messages.MISSING_KEY.at(document.place(*loc), name=loc[-1])
        case kind:
            why = _SHAPES.get(kind) or foreign(finding["msg"][:1].lower() + finding["msg"][1:])
            name = foreign(str(_real(loc, document)[-1])) if _real(loc, document) else ""
            return messages.WRONG_SHAPE.at(document.place(*loc), name=name, why=why)


def _real(loc: Loc, document: Document) -> Loc:
    """Return `loc` without the tags that pydantic puts in for unions."""
    real: Loc = ()
    for part in loc:
        if document.has(*real, part):
            real = (*real, part)
    return real


def _known(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that may stand at `loc`."""
    here: list[type[BaseModel]] = [model]
    for part in loc:
        fields = [field for each in here for name, field in each.model_fields.items() if (field.alias or name) == part]
        here = [found for each in fields for found in _models(each.annotation)] or here
        if part in ("rule", "alternatives", "text"):
            continue
    return sorted({field.alias or name for each in here for name, field in each.model_fields.items()})


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation mentions, through unions, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        return [found for part in typing.get_args(annotation) for found in _models(part)]
    return []


def _settings(file: RuleFile, document: Document) -> list[Problem]:
    problems = []
    try:
        ZoneInfo(file.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        words = {"name": "The time zone", "value": foreign(file.timezone), "do": "Write an IANA name: Asia/Shanghai."}
        problems.append(messages.BAD_SETTING.at(document.place("timezone"), **words))
    if not (len(file.region) == 2 and file.region.isascii() and file.region.isupper()):
        words = {"name": "The region", "value": foreign(file.region), "do": "Write two capitals, such as CN or ID."}
        problems.append(messages.BAD_SETTING.at(document.place("region"), **words))
    return problems


def _tables(
    file: RuleFile, document: Document, problems: list[Problem]
) -> tuple[dict[str, Mapping[str, Value]], list[bytes]]:
    tables: dict[str, Mapping[str, Value]] = {}
    raw: list[bytes] = []
    for name, table in file.tables.items():
        if not isinstance(table, Table):
            tables[name] = table
            continue
        tables[name] = {}
        try:
            content = _content(document.path.parent / table.file)
            tables[name] = _rows(content)
            raw.append(content)
        except (OSError, ValueError, csv.Error) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else foreign(str(error))
            problems.append(messages.TABLE_FILE.at(document.place("tables", name, "file"), name=name, why=why))
    return tables, raw


def _content(path: Path) -> bytes:
    if path.stat().st_size > TABLE_LIMIT:
        raise ValueError(f"it is larger than {TABLE_LIMIT // 2**20} MiB")
    return path.read_bytes()


def _rows(content: bytes) -> dict[str, Value]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    rows: dict[str, Value] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
        if number == 1 or not row:
            continue
        if len(row) != 2:
            raise ValueError(f"line {number} has {len(row)} columns instead of two")
        if row[0] in rows:
            raise ValueError(f"line {number} repeats an earlier key")
        rows[row[0]] = row[1]
    return rows
