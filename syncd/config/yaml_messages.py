"""What can be wrong with a YAML file before anybody looks at its meaning. A table of words; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

MISSING: Final = message(
    "CFG-001",
    what="There is no such file.{similar}",
    do="Check the path, or write a starting configuration with `syncd init DIR`.",
    example="syncd check --config /etc/syncd/sincd.yaml",
)
UNREADABLE: Final = message(
    "CFG-002",
    what="The file cannot be read: {why}.",
    do="Give the account under which syncd runs the right to read it, and to enter every folder above it.",
    example="chmod 000 syncd.yaml",
)
NOT_UTF8: Final = message(
    "CFG-003",
    what="The file is not UTF-8 text from here on.",
    do="Save it again as UTF-8 (in Notepad: Save as, Encoding: UTF-8).",
    example="a file that was saved as GB18030 or Windows-1252",
)
TOO_BIG: Final = message(
    "CFG-004",
    what="The file is larger than {limit}.",
    do="Name a configuration or a rule file here; tables of people belong into a source.",
    example="syncd check --config people.xlsx",
)
SYNTAX: Final = message(
    "CFG-005",
    what="This is not YAML: {why}.",
    do="Look at this line and the one above: a missing blank after `:`, an open quote or bracket, uneven indentation.",
    example="target: {type: dingtalk",
)
TAB: Final = message(
    "CFG-006",
    what="The line is indented with a tab.",
    do="Indent with blanks; YAML does not allow tabs there.",
    example="target:\n\ttype: dingtalk",
)
CONTROL_CHARACTER: Final = message(
    "CFG-007",
    what="There is a control character that YAML does not allow.",
    do='Delete the invisible character at this place, or write it as an escape such as "\\x01" in double quotes.',
    example='name: "a\\0b" with the NUL byte itself in the file',
)
SEVERAL_DOCUMENTS: Final = message(
    "CFG-008",
    what="A second document begins here.",
    do="Keep one document per file: delete the line `---`.",
    example="a: 1\n---\nb: 2",
)
EMPTY: Final = message(
    "CFG-009",
    what="The file is empty, or has nothing but comments.",
    do="Write the settings, or begin with the file that `syncd init DIR` writes.",
    example="# nothing but this line",
)
NOT_A_MAPPING: Final = message(
    "CFG-010",
    what="The file has no keys at its top level.",
    do="Write `key: value` lines; a leading `- ` makes a list.",
    example="- sources\n- target",
)
DUPLICATE_KEY: Final = message(
    "CFG-011",
    what="The key '{key}' is written twice; the first time on line {line}.",
    do="Keep one of the two, or join what they say.",
    example="target: {type: dingtalk}\ntarget: {type: dingtalk}",
)
KEY_NOT_TEXT: Final = message(
    "CFG-012",
    what="A list or a mapping is used as a key.",
    do="Write a plain word before the colon; put text with special characters in quotes.",
    example="? [a, b]\n: c",
)
MERGE_KEY: Final = message(
    "CFG-013",
    what="`<<` (merge) is not part of YAML 1.2.",
    do="Write the keys out; an alias for a whole value (`*name`) is allowed.",
    example="a: &a {x: 1}\nb: {<<: *a}",
)
TAG: Final = message(
    "CFG-014",
    what="The tag {tag} is not understood.",
    do="Remove it; put text in quotes if it begins with an exclamation mark.",
    example="app_key: !vault abc",
)
CIRCLE: Final = message(
    "CFG-015",
    what="The value contains itself by an alias.",
    do="Write the value out instead of the alias.",
    example="a: &a [1, *a]",
)
TOO_MANY: Final = message(
    "CFG-016",
    what="With every alias written out, the file has more than {limit} values.",
    do="Remove the nested aliases; put large lookup tables into a CSV file.",
    example="a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]  # and so on",
)
TOO_DEEP: Final = message(
    "CFG-017",
    what="The file is nested too deeply.",
    do="Check for brackets that are opened again and again.",
    example="[[[[[[…",
)
HALF_CHARACTER: Final = message(
    "CFG-018",
    what="The text holds half of a character (a surrogate without its other half).",
    do="Write the character itself, or its escape \\UXXXXXXXX with eight digits.",
    example='name: "\\ud83d"',
)
