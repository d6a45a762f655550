"""YAML 1.2 for people: plain values out of a file, and the line and column where each of them was written.

Every mistake of a file is told at once, with its place. Text stays text: `NO`, `on`, `2026-11-22`, `0123`, `12e4` and
`1_000` are what they look like, so that a country, an id or a date is never turned into something else. This module never
guesses, never follows a tag to a Python object, and never repeats a value of the file in an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from syncd.config import yaml_messages as messages
from syncd.core.errors import Misconfigured, Place, Problem, foreign

MAX_BYTES: Final = 8 * 1024 * 1024
"""A larger file is not a configuration."""
MAX_NODES: Final = 200_000
"""Values after every alias has been written out; ends the "billion laughs" before it starts."""

_TAG: Final = "tag:yaml.org,2002:"
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_OCTAL_OR_HEX: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
# The core schema of YAML 1.2 (§10.3.2) minus forms that ids and codes of people take: 0123, 007.5, 12e4 stay text.
_FRACTION: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

Of = Literal["key", "value", "text"]
"""`key`: the key itself; `value`: where its value starts; `text`: the first character of a text, behind quotes or `|`."""


@dataclass(slots=True)
class _Spot:
    """Where one value stands; lines and columns from 0, as the parser counts."""

    value: tuple[int, int]
    key: tuple[int, int] | None = None
    text: tuple[int, int] | None = None
    inner: dict[str | int, _Spot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that was read: its values as plain Python, its places kept aside.

    Keys of mappings are always text, as written (`1:` is the key "1").
    """

    path: Path
    root: dict[str, Any]
    _spot: _Spot = field(repr=False, compare=False)

    def place(self, *loc: str | int, of: Of = "value") -> Place:
        """Return where `loc` was written. Parts that the file does not have are skipped (pydantic puts the tags of unions
        into its `loc`), so the place of something missing is its nearest ancestor that is there."""
        spot = self._spot
        for part in loc:
            spot = spot.inner.get(part, spot)
        at = {"key": spot.key, "text": spot.text, "value": None}[of] or spot.value
        return Place(file=str(self.path), line=at[0] + 1, column=at[1] + 1)

    def has(self, *loc: str | int) -> bool:
        """Tell whether exactly `loc` is written in the file."""
        spot: _Spot | None = self._spot
        for part in loc:
            spot = spot.inner.get(part) if spot else None
        return spot is not None


def read(path: Path) -> Document:
    """Read a file whose top level is a mapping. Raises Misconfigured with every problem found."""
    return parse(_text(path), path)


def parse(text: str, path: Path) -> Document:
    """Read `text` as if it stood in the file `path`. Raises Misconfigured with every problem found."""
    node = _composed(text, path)
    if node is None:
        raise Misconfigured([messages.EMPTY.at(Place(file=str(path), line=1, column=1))])
    walk = _Walk(path=path, lines=text.split("\n"))
    root, spot = walk.built(node)
    if not isinstance(node, MappingNode):
        walk.problems.append(messages.NOT_A_MAPPING.at(walk.place(node)))
    if walk.problems:
        raise Misconfigured(walk.problems)
    return Document(path=path, root=root, _spot=spot)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known word that is most like `word`, or "" if none is."""
    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""


def is_text(word: str) -> bool:
    """Tell whether an unquoted word is text, for YAML 1.1 readers too (which take `no`, `on` and `y` for flags)."""
    return isinstance(_plain(word), str) and word.casefold() not in ("y", "n", "yes", "no", "on", "off")


def _text(path: Path) -> str:
    at = Place(file=str(path))
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise Misconfigured([messages.MISSING.at(at, similar=did_you_mean(path.name, _neighbours(path)))]) from None
    except OSError as error:
        raise Misconfigured([messages.UNREADABLE.at(at, why=error.strerror or "error")]) from error
    if len(raw) > MAX_BYTES:
        raise Misconfigured([messages.TOO_BIG.at(at, limit=f"{MAX_BYTES // 2**20} MiB")])
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        at = Place(file=str(path), line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        raise Misconfigured([messages.NOT_UTF8.at(at)]) from None


def _neighbours(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def _composed(text: str, path: Path) -> Node | None:
    """Return the tree of nodes. The parser stops at the first syntax error, so this problem comes alone."""
    file = str(path)
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise Misconfigured([_syntax_problem(error, text, file)]) from None
    except ReaderError as error:
        before = text[: error.position]
        at = Place(file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        raise Misconfigured([messages.CONTROL_CHARACTER.at(at)]) from None
    except RecursionError:
        raise Misconfigured([messages.TOO_DEEP.at(Place(file=file))]) from None
    except YAMLError as error:
        raise Misconfigured([messages.SYNTAX.at(Place(file=file), why=foreign(str(error)))]) from None
    return node


def _syntax_problem(error: MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    at = Place(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Place(file=file)
    lines = text.split("\n")
    line = lines[at.line - 1] if 0 < at.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return messages.TAB.at(Place(file=file, line=at.line, column=line.index("\t") + 1))
    why = str(error.problem or "").replace("<stream end>", "the end of the file")
    if "expected a single document" in (error.context or ""):
        return messages.SEVERAL_DOCUMENTS.at(at)
    opened = error.context_mark
    if opened and (opened.line, opened.column) != (at.line - 1, at.column - 1):
        why += f" ({error.context}, begun on line {opened.line + 1})"
    return messages.SYNTAX.at(at, why=foreign(why))


@dataclass(slots=True)
class _Walk:
    """One walk through the tree of nodes: values, places and problems."""

    path: Path
    lines: list[str]
    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    above: set[int] = field(default_factory=set)

    def place(self, node: Node) -> Place:
        return Place(file=str(self.path), line=node.start_mark.line + 1, column=node.start_mark.column + 1)

    def built(self, node: Node) -> tuple[Any, _Spot]:
        """Return the value of a node and where it stands."""
        spot = _Spot((node.start_mark.line, node.start_mark.column))
        self.count += 1
        if self.count > MAX_NODES:
            raise Misconfigured([messages.TOO_MANY.at(self.place(node), limit=MAX_NODES)])
        if id(node) in self.above:
            self.problems.append(messages.CIRCLE.at(self.place(node)))
            return None, spot
        match node:
            case ScalarNode():
                spot.text = self._text_start(node)
                return self._scalar(node), spot
            case MappingNode() | SequenceNode():
                return self._inside(node, spot), spot
        raise AssertionError(node)  # the composer makes no other kind of node

    def _inside(self, node: MappingNode | SequenceNode, spot: _Spot) -> Any:
        plain = f"{_TAG}map" if isinstance(node, MappingNode) else f"{_TAG}seq"
        if node.tag != plain:
            self._refuse_tag(node)
        self.above.add(id(node))
        try:
            return self._mapping(node, spot) if isinstance(node, MappingNode) else self._sequence(node, spot)
        finally:
            self.above.discard(id(node))

    def _sequence(self, node: SequenceNode, spot: _Spot) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            value, spot.inner[index] = self.built(item)
            values.append(value)
        return values

    def _mapping(self, node: MappingNode, spot: _Spot) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, key, item in self._keys(node):
            value, inner = self.built(item)
            inner.key = (key.start_mark.line, key.start_mark.column)
            if isinstance(item, ScalarNode) and not item.value and item.style is None:
                # The parser puts an empty value before the next token, which may be lines below.
                inner.value = inner.text = (key.end_mark.line, key.end_mark.column + 1)
            values[name], spot.inner[name] = value, inner
        return values

    def _keys(self, node: MappingNode) -> Iterator[tuple[str, ScalarNode, Node]]:
        """Yield the keys that can stand, and say what is wrong with the others."""
        first: dict[str, int] = {}
        for key, item in node.value:
            if isinstance(key, ScalarNode):
                key.value = self._whole(key)
            if not isinstance(key, ScalarNode):
                self.problems.append(messages.KEY_NOT_TEXT.at(self.place(key)))
            elif key.tag == f"{_TAG}merge" and key.style is None:
                self.problems.append(messages.MERGE_KEY.at(self.place(key)))
            elif key.value in first:
                words = {"key": foreign(key.value), "line": first[key.value]}
                self.problems.append(messages.DUPLICATE_KEY.at(self.place(key), **words))
            else:
                first[key.value] = key.start_mark.line + 1
                yield key.value, key, item

    def _scalar(self, node: ScalarNode) -> str | int | float | bool | None:
        text = self._whole(node)
        tag = node.tag or ""
        if not tag.startswith(_TAG) or (node.style is not None and tag != f"{_TAG}str"):
            self._refuse_tag(node)
            return text
        return text if tag == f"{_TAG}str" else _plain(text)

    def _whole(self, node: ScalarNode) -> str:
        r"""Return a scalar's text, with pairs of surrogates joined as in JSON: "\ud83d\ude00" is one character."""
        text: str = node.value
        try:
            return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.problems.append(messages.HALF_CHARACTER.at(self.place(node)))
            return text.encode("utf-8", "replace").decode()

    def _refuse_tag(self, node: Node) -> None:
        tag = (node.tag or "").replace(_TAG, "!!")
        self.problems.append(messages.TAG.at(self.place(node), tag=foreign(tag)))

    def _text_start(self, node: ScalarNode) -> tuple[int, int]:
        line, column = node.start_mark.line, node.start_mark.column
        if node.style in ("'", '"'):
            return line, column + 1
        if node.style not in ("|", ">"):
            return line, column
        last = min(node.end_mark.line + 1, len(self.lines))
        for written in self.lines[line + 1 : last]:
            if written.strip():
                return line + 1, len(written) - len(written.lstrip(" "))
        return line + 1, 0


def _plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        # A number that no field can hold; CPython also refuses more than 4300 digits.
        return int(text) if len(text) <= 32 else text
    if _OCTAL_OR_HEX.fullmatch(text) and len(text) <= 32:
        return int(text, 0)
    return float(text) if _FRACTION.fullmatch(text) else text
