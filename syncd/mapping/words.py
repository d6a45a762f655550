"""Which words a CEL expression uses: the names it reads, the functions it calls, and how often a `map` repeats its input.

This is a scanner, not a parser: CEL's own compiler decides what is right. Here it is only found out what to hand in, what
to suggest for a misspelt name, and whether an expression could multiply its input out of proportion.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ROW: Final = "row"
"""The name under which an expression reaches attributes whose names are no words: row["Employee No"]."""
_MACROS: Final = frozenset({"map", "filter", "exists", "all", "exists_one"})
_RESERVED: Final = frozenset({"true", "false", "null", "in", "has", "size", "int", "double", "string", "type", "dyn"})
# Words that CEL keeps for itself: types, and what its grammar reserves. A column of such a name is read as row["list"].
_TAKEN: Final = _RESERVED | frozenset(
    [
        "bool",
        "bytes",
        "list",
        "map",
        "null_type",
        "uint",
        "row",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)

_TOKEN: Final = re.compile(
    r"""(?P<text>[rR]?(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"))"""
    r"""|(?P<remark>//[^\n]*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9][0-9a-zA-Z.]*)|(?P<mark>[^\s])""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Macro:
    name: str
    variable: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What was found in an expression."""

    paths: tuple[str, ...]
    """Dotted names that are read, as written: `unit.displayName`."""
    columns: tuple[str, ...]
    """Names in `row["…"]`."""
    calls: frozenset[str]
    """Functions and methods that are called."""
    loops: int
    """How many macros go through a list."""
    leaves: int
    """How often any name is read."""
    growth: int
    """How many times over the result could hold a part of the input."""
    free_row: bool
    """`row` is used otherwise than with a constant name."""

    def reads(self, known: frozenset[str]) -> tuple[str, ...]:
        """Return the known names that are read, each once, in order."""
        found: dict[str, None] = dict.fromkeys(self.columns)
        for path in self.paths:
            parts = path.split(".")
            for length in range(len(parts), 0, -1):
                name = ".".join(parts[:length])
                if name in known:
                    found[name] = None
                    break
        return tuple(found)


def scan(text: str) -> Words:
    """Return the words of an expression. Works on any text, in linear time."""
    tokens = [
        _Token(kind=found.lastgroup or "", text=found.group(), at=found.start()) for found in _TOKEN.finditer(text)
    ]
    tokens = [token for token in tokens if token.kind != "remark"]
    macros = list(_macros(tokens))
    paths: dict[str, None] = {}
    columns: dict[str, None] = {}
    calls: set[str] = set()
    free_row = False
    leaves = 1
    for index, token in enumerate(tokens):
        if token.kind != "name" or token.text in _RESERVED or _mark(tokens, index - 1) == ".":
            continue
        path, after = _path(tokens, index)
        if _mark(tokens, after) == "(":
            calls.add(path.pop())
        leaves += bool(path)
        if path and path[0] == ROW:
            column = _column(tokens, after)
            free_row |= column is None
            columns[column or ""] = None
        elif path and not _bound(path[0], token.at, macros):
            paths[".".join(path)] = None
    calls |= {
        tokens[at - 1].text
        for at in range(2, len(tokens))
        if _mark(tokens, at) == "(" and tokens[at - 1].kind == "name"
    }
    columns.pop("", None)
    return Words(
        paths=tuple(paths),
        columns=tuple(columns),
        calls=frozenset(calls),
        loops=len(macros),
        leaves=leaves,
        growth=math.prod(_uses(macro, tokens) for macro in macros if macro.name == "map"),
        free_row=free_row,
    )


def is_word(name: str) -> bool:
    """Tell whether expressions can read an attribute by its plain name; others are read as row["…"]."""
    parts = name.split(".")
    return not _TAKEN.intersection(parts) and all(part.isidentifier() and part.isascii() for part in parts)


def _mark(tokens: list[_Token], index: int) -> str:
    return tokens[index].text if 0 <= index < len(tokens) and tokens[index].kind == "mark" else ""


def _path(tokens: list[_Token], index: int) -> tuple[list[str], int]:
    """Return the dotted name that begins at `index`, and the index after it."""
    path = [tokens[index].text]
    index += 1
    while _mark(tokens, index) == "." and index + 1 < len(tokens) and tokens[index + 1].kind == "name":
        path.append(tokens[index + 1].text)
        index += 2
    return path, index


def _column(tokens: list[_Token], index: int) -> str | None:
    if _mark(tokens, index) != "[" or _mark(tokens, index + 2) != "]" or tokens[index + 1].kind != "text":
        return None
    try:
        # CEL and Python write text literals alike, as far as names of columns go.
        return str(ast.literal_eval(tokens[index + 1].text))
    except (SyntaxError, ValueError):
        return None


def _macros(tokens: list[_Token]) -> Iterator[_Macro]:
    ends: dict[int, int] = {}
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "mark" and token.text == "(":
            opened.append(index)
        elif token.kind == "mark" and token.text == ")" and opened:
            ends[opened.pop()] = index
    for start, end in ends.items():
        is_macro = start >= 2 and tokens[start - 1].text in _MACROS and _mark(tokens, start - 2) == "."
        if is_macro and end > start + 2 and tokens[start + 1].kind == "name" and _mark(tokens, start + 2) == ",":
            name, variable = tokens[start - 1].text, tokens[start + 1].text
            yield _Macro(name=name, variable=variable, start=tokens[start].at, end=tokens[end].at)


def _bound(name: str, at: int, macros: list[_Macro]) -> bool:
    return any(macro.variable == name and macro.start < at < macro.end for macro in macros)


def _uses(macro: _Macro, tokens: list[_Token]) -> int:
    inside = sum(token.text == macro.variable and macro.start < token.at < macro.end for token in tokens)
    return max(1, inside - 1)  # the first one declares it
