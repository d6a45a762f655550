"""What the mapping room tells people about rules that write back to a source. A table of words; it does nothing."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

_IN: Final = "write_back:\n  "

NO_ATTRIBUTE: Final = message(
    "RUL-060",
    what="The people of {source} have no attribute '{name}' to write to.{similar}",
    do="Write the attribute's name as the source spells it; `attributes` of the source's settings can add some.",
    example=_IN + "extensionAtribute7: userid",
)
TWICE: Final = message(
    "RUL-061",
    what="'{name}' and '{other}' are one attribute, and two fields would be written to it.",
    do="Keep one of the two.",
    example=_IN + "mobile: mobile\n  Mobile: telephone",
)
NO_FIELD: Final = message(
    "RUL-062",
    what="The target's people have no field '{name}' to write back.{similar}",
    do="docs/reference/attributes.md names the fields; `userid` and `unionid` are among them.",
    example=_IN + "extensionAttribute7: user_id",
)
NO_TEXT: Final = message(
    "RUL-063",
    what="'{field}' cannot be written back: it is {got}, and an attribute holds one text.",
    do="Write back a field that is a text, a number, a date or a flag.",
    example=_IN + "department: departments",
)
NOT_OFFERED: Final = message(
    "RUL-064",
    what="The source {source} is of a type that cannot be written to.",
    do="Take `write_back` away, or write back to the directory: `syncd plugins` lists the types.",
    example="sources: {hr: {type: table}}   # with write_back in its rules",
)
NOT_WRITABLE: Final = message(
    "RUL-065",
    what="'{name}' of {source} is not written by syncd: it is an id, a login, a reference or kept by the server itself.",
    do="Choose another attribute, such as extensionAttribute7 in Active Directory or employeeType in LDAP.",
    example=_IN + "objectGUID: unionid",
)
DECIDES: Final = message(
    "RUL-066",
    what="'{name}' decides who is synchronized, or in which department, so it cannot be written back to {source}.",
    do="Write to another attribute, or take it out of `include`, `exclude` and `units`.",
    example="person: {exclude: [{when: {from: info, via: [{equals: x}]}}]}\n" + _IN + "info: remark",
)
NEVER_DRIFTS: Final = message(
    "RUL-067",
    what="Nobody can change {field} by hand in the target, so `when: drift` would never write it.",
    do="Take `when` away: what the target makes up is always written back.",
    example=_IN + "extensionAttribute7: {from: userid, when: drift}",
)
TWO_AUTHORITIES: Final = message(
    "RUL-068",
    what="'{name}' would have two authorities: {field} is written back to it, and {why}.",
    do="Let the source decide (`when: drift`, with `drift.fields.{field}: accept` in syncd.yaml), or let no rule read '{name}'.",
    example="person: {fields: {phoneNumbers.mobile: mobile}}\n" + _IN + "mobile: mobile",
)
CIRCLE: Final = message(
    "RUL-069",
    what="'{name}' goes round in a circle: {field} is written to it, and by other rules it changes {field} again.",
    do="Take one of the rules of the circle away.",
    example=_IN + "info: title\n  pager: remark   # while title is filled from pager, and remark from info",
)
