"""Writes docs/reference/functions.md from the registry, so that the page cannot say what the functions do not do.

    python -m syncd.mapping.functions.reference > docs/reference/functions.md

Reads nothing but the registry; a test compares the committed page with this module's text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from syncd.core.values import Value
from syncd.mapping.functions import FAMILIES, LANGUAGE_VERSION, RESULT_LIMIT, UNSET, Example, Function, Param

_LINE: Final = 110
_LONGEST: Final = 100
"""Characters of a value that the page shows in full."""

_OPENING: Final = f"""\
# Functions of the mapping language

These words stand in `via`; each takes what the step before it gives, the first one what `from` reads.

```yaml
emails.work: {{from: mail, via: [trim, email]}}
title:       {{from: title, via: [{{truncate: {{length: 60, ending: "…"}}}}]}}
displayName: {{from: [sn, givenName], via: [family_given]}}
```

- A function without parameters is just its name. With parameters it is a mapping of one key: `{{truncate: 20}}` gives the
  first parameter, `{{truncate: {{length: 20, ending: "…"}}}}` gives them by name.
- Where there is nothing (an absent value or an empty text), the functions are passed by, except those marked *also called
  where there is nothing*.
- Functions marked *several inputs* take `from: [a, b]` as one list, in which an absent input leaves a gap; they take a list
  from the step before just as well. Any other function on a text does each text of a list.
- Dates are texts like `2026-11-22`, instants are texts like `2026-11-22T01:30:00Z`; functions on texts take both.
- Arguments are checked when the rules are loaded, all of them at once. A value that does not fit is left to the rule's
  `on_error`; messages never repeat the value, which `syncd explain` shows.
- No function takes more than linear time and memory; a value that would grow beyond {RESULT_LIMIT:,} characters or items is
  refused.

Every example below is a test. This page is generated from the functions themselves (language version {LANGUAGE_VERSION}).
"""


def markdown() -> str:
    """Return the whole page."""
    parts = [_OPENING, "## Contents\n\n" + "\n".join(_contents()) + "\n"]
    for family, functions in FAMILIES.items():
        parts.append(f"## {family}\n")
        parts.extend(_section(function) for function in functions)
    return "\n".join(parts)


def _contents() -> Iterator[str]:
    for family, functions in FAMILIES.items():
        links = " · ".join(f"[`{function.name}`](#{function.name})" for function in functions)
        yield f"- **{family}**: {links}"


def _section(function: Function) -> str:
    lines = [f"### {function.name}", "", f"`{_signature(function)}`", "", function.doc, ""]
    notes = []
    if function.joins:
        notes.append("*Several inputs.*")
    if function.takes_none:
        notes.append("*Also called where there is nothing.*")
    if notes:
        lines += [" ".join(notes), ""]
    if function.params:
        lines += ["| Parameter | Type | Default | Meaning |", "|---|---|---|---|", *map(_row, function.params), ""]
    tables = {name: table for example in function.examples for name, table in example.tables.items()}
    lines += ["```yaml", *(f"# tables: {{{name}: {flow(table)}}}" for name, table in tables.items())]
    return "\n".join(
        [*lines, *(line for example in function.examples for line in _example(function, example)), "```\n"]
    )


def _signature(function: Function) -> str:
    takes = " or ".join(sorted(function.takes))
    params = ", ".join(param.name if param.default is UNSET else f"{param.name}?" for param in function.params)
    return f"{takes} → {function.name}({params}) → {function.gives}"


def _row(param: Param) -> str:
    type_ = " or ".join(f"`{choice}`" for choice in param.choices) or param.type
    if param.least is not None and param.most is not None:
        type_ += f", {param.least} to {param.most}"
    elif param.least is not None:
        type_ += f", at least {param.least}"
    default = "*required*" if param.default is UNSET else "" if param.default is None else f"`{flow(param.default)}`"
    return f"| `{param.name}` | {type_} | {default} | {param.doc} |"


def _example(function: Function, example: Example) -> Iterator[str]:
    if example.target is not None:
        yield f"# in a field of at most {example.target.max_length} characters"
    result = (
        f"refused ({example.fails})" if example.fails else "absent" if example.gives is None else _shown(example.gives)
    )
    rule, comment = f"via: [{item(function, example.args)}]", f"# {_shown(example.value)} → {result}"
    if example.note:
        comment += f"   ({example.note.removesuffix('.')})"
    if len(rule) + len(comment) <= _LINE:
        yield f"{rule}  {comment}"
    else:
        yield from (comment, rule)


def item(function: Function, args: Mapping[str, Value]) -> str:
    """Return one `via` item as YAML, in the shortest way that it can be written."""
    if not args:
        return function.name
    first = function.params[0]
    if list(args) == [first.name] and not (first.type == "mapping" and first.name in _keys(args[first.name])):
        return f"{{{function.name}: {flow(args[first.name])}}}"
    return f"{{{function.name}: {flow(args)}}}"


def _keys(value: Value | object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, Mapping) else frozenset()


def flow(value: Value | object) -> str:
    """Return a value as YAML on one line: texts in quotes where they need them, keys without where they may."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _word(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _word(text: str) -> str:
    """Return a text without quotes where YAML 1.2 reads it as that very text."""
    plain = (
        text.replace("_", "").isalpha()
        and text.isascii()
        and text.lower() not in {"true", "false", "null", "yes", "no", "on"}
    )
    return text if plain else json.dumps(text, ensure_ascii=False)


def _shown(value: Value | object) -> str:
    """Return a value of an example as JSON; a long one only by its beginning and its length."""
    if isinstance(value, str) and len(value) > _LONGEST:
        return f'"{value[:8]}…" ({len(value):,} characters)'
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    sys.stdout.write(markdown())
