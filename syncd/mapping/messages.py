"""What the mapping room tells people: RUL for a rule file that is wrong, MAP for a record that rules cannot map.

A table of words; it does nothing. No message of the MAP family repeats a person's value: `syncd explain` shows those.
"""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

# --- the shape of a rule file ---------------------------------------------------------------------------------------

UNKNOWN_KEY: Final = message(
    "RUL-001",
    what="There is no key '{name}' here.{similar}",
    do="Known here: {known}. docs/reference/rules.md describes every key.",
    example="title: {form: title}",
)
MISSING_KEY: Final = message(
    "RUL-002",
    what="The key '{name}' is missing.",
    do="Add it; docs/reference/rules.md describes every key.",
    example="person: {}   # `fields` is missing",
)
WRONG_SHAPE: Final = message(
    "RUL-003",
    what="'{name}' is not written as it should be: {why}.",
    do="Correct it; docs/reference/rules.md describes every key.",
    example="via: trim   # should be a list: [trim]",
)
WRONG_DIRECTION: Final = message(
    "RUL-004",
    what="These are {found} rules, and {wanted} rules are needed here.",
    do="Name a file that begins with `rules: {wanted}`; sources take inbound rules, the target takes outbound ones.",
    example="sources: {hr: {rules: mappings/dingtalk.yaml}}",
)
ONE_ORIGIN: Final = message(
    "RUL-005",
    what="A rule needs exactly one of {known}; this one has {found}.",
    do="Keep the one that says where the value comes from.",
    example="title: {from: title, value: Engineer}",
)
NOT_TOGETHER: Final = message(
    "RUL-006",
    what="'{name}' does not go with '{other}'.",
    do="{do}",
    example="title: {expr: 'title', via: [trim]}   # write trim(title) in the expression",
)
LAST_ONLY: Final = message(
    "RUL-007",
    what="'{name}' stands in an alternative that is not the last.",
    do="Move it to the last alternative: it says what happens when no alternative gives a value.",
    example="title: [{from: title, default: '-'}, {from: role}]",
)
TABLE_FILE: Final = message(
    "RUL-008",
    what="The lookup table '{name}' cannot be read: {why}.",
    do="Name a CSV file in UTF-8 with two columns and a heading: what to look up, and what it becomes.",
    example="tables: {grades: {file: grades.csv}}",
)
BAD_SETTING: Final = message(
    "RUL-009",
    what="{name} '{value}' is not known.",
    do="{do}",
    example="timezone: Shanghai   # Asia/Shanghai",
)

# --- names and types --------------------------------------------------------------------------------------------------

UNKNOWN_SOURCE_ATTRIBUTE: Final = message(
    "RUL-020",
    what="The source '{source}' delivers no attribute '{name}' of a {kind}.{similar}",
    do="Correct the name, or let the source read it; names are case-sensitive.",
    example="title: {from: tittle}",
)
UNKNOWN_ATTRIBUTE: Final = message(
    "RUL-021",
    what="A {kind} has no attribute '{name}'.{similar}",
    do="docs/reference/attributes.md lists all attributes; a text of your own is called `extra.<name>`.",
    example="fields: {jobTitle: title}",
)
UNKNOWN_FIELD: Final = message(
    "RUL-022",
    what="The target has no field '{name}' of a {kind}.{similar}",
    do="The target can hold: {known}.",
    example="fields: {jobnumber: employeeNumber}",
)
UNKNOWN_KIND: Final = message(
    "RUL-023",
    what="The {whose} knows no {kind} objects.",
    do="Remove the section '{kind}'.",
    example="group: {fields: {displayName: cn}}   # of a source that has no groups",
)
WRONG_TYPE: Final = message(
    "RUL-024",
    what="'{name}' holds {wanted}, and the rule gives {got}.",
    do="{do}",
    example="hireDate: {from: hired}   # a text; add via: [parse_date]",
)
SEVERAL_INPUTS: Final = message(
    "RUL-025",
    what="Several inputs need a first step that joins them.",
    do="Begin `via` with one of {joiners}.",
    example="displayName: {from: [sn, givenName], via: [trim]}",
)
NOT_A_CONDITION: Final = message(
    "RUL-026",
    what="The condition gives {got}, and a condition must give true or false.",
    do="Compare it with something, or end `via` with `equals`, `one_of`, `matches`, `is_empty` or `to_flag`.",
    example="when: title   # title == 'Intern'",
)
DOES_NOT_FIT: Final = message(
    "RUL-027",
    what="'{name}' cannot hold this {whose}: {why}",
    do="Write one that fits; the limits are those of the field.",
    example="name: {from: displayName, default: 'R&D, Shanghai'}   # a department's name has no comma",
)
NOT_CLEARABLE: Final = message(
    "RUL-028",
    what="'{name}' cannot be emptied{why}, so `on_null: clear` cannot work.",
    do="Write `on_null: keep`, or give a `default`.",
    example="name: {from: displayName, on_null: clear}",
)
REQUIRED_WITHOUT_RULE: Final = message(
    "RUL-029",
    what="A {kind} needs '{name}', and no rule fills it.",
    do="Add a rule for '{name}' under `{kind}: fields:`.",
    example="person: {fields: {name: displayName}}   # userid, mobile and departments are missing",
)
BAD_BY: Final = message(
    "RUL-030",
    what="'by: {name}' does not go here: {why}.{similar}",
    do="Write `by: id`, `by: alias`, or the attribute that the other record is known by, such as `by: employeeNumber`.",
    example="manager: {from: Manager No, by: employeNumber}",
)
BAD_FORM: Final = message(
    "RUL-031",
    what="'{form}' fills fields that hold {wanted}, and '{name}' holds {got}.",
    do="Use `from`, `expr` or `value` for this field.",
    example="title: {memberships: units}",
)
UNITS_TWICE: Final = message(
    "RUL-032",
    what="The people's units are described twice: here and by a rule for the field `units`.",
    do="Keep `units:` with a path, or the rule `units` under `fields`.",
    example="person: {units: {path: [{name: team}]}, fields: {units: parent}}",
)
IMMUTABLE_DEFAULT: Final = message(
    "RUL-033",
    what="'{name}' can never be changed again, so it must not be filled with a stand-in.",
    do="Remove `on_error: default`; the person is then left as is until the record is right.",
    example="userid: {from: employeeNumber, default: unknown, on_error: default}",
)
SAME_FOR_ALL: Final = message(
    "RUL-034",
    what="'{name}' must differ from one {kind} to the next, and this {whose} is the same for all.",
    do="Fill it from an attribute of the record.",
    example="mobile: {value: '+8613800000000'}",
)
NO_DEFAULT: Final = message(
    "RUL-035",
    what="`on_error: default` needs a `default`.",
    do="Add `default:`, or write `on_error: skip_field`.",
    example="title: {from: title, via: [lookup: grades], on_error: default}",
)

# --- expressions ------------------------------------------------------------------------------------------------------

EXPRESSION: Final = message(
    "RUL-040",
    what="The expression is wrong here: {why}.",
    do="Expressions are CEL; docs/reference/rules.md shows what they can do.",
    example="expr: mail == ",
)
UNKNOWN_NAME: Final = message(
    "RUL-041",
    what="The expression uses '{name}', which is not known here.{similar}",
    do='Correct the name; write a column whose name has blanks as row["Employee No"].',
    example="expr: lower(mial)",
)
GROWS: Final = message(
    "RUL-042",
    what="The expression could multiply its input {times}-fold.",
    do="Use the variable of each `map` less often, or nest fewer of them; at most {limit}-fold is allowed.",
    example="expr: '[title].map(a, a+a).map(a, a+a).map(a, a+a)…'",
)
TOO_LONG: Final = message(
    "RUL-043",
    what="The expression has {length} characters; at most {limit} are allowed.",
    do="Split it into several fields (`extra.<name>`), or use a lookup table.",
    example="expr: a chain of a hundred conditions",
)

# --- cases ------------------------------------------------------------------------------------------------------------

CASE_KIND: Final = message(
    "RUL-050",
    what="A case of {direction} rules needs '{name}'.",
    do="Inbound cases give a `record`, outbound cases give `facts`; docs/reference/rules.md shows both.",
    example="cases: [{name: A person, expect: {title: Engineer}}]",
)

WITHOUT_ITS_FLAG: Final = message(
    "RUL-036",
    what="'{name}' says nothing without '{flag}', and {why}.",
    do="Write a rule for '{flag}' beside it, or remove this one.",
    example="outer_permit_depts: seesUnits   # without a rule for outer_dept",
)

NO_HEADS: Final = message(
    "RUL-037",
    what="`heads: add` does nothing, because no rule fills {names}.",
    do="Write a rule for it beside the others, such as `managers: managers`, or remove `heads`.",
    example="unit: {heads: add, fields: {name: displayName}}",
)

# --- records ----------------------------------------------------------------------------------------------------------

CANNOT_FILL: Final = message(
    "MAP-001",
    what="'{field}' cannot be filled: {why}",
    do="{do}",
    example="mobile: {from: mobile, via: [e164]}   # and the record says 'see HR'",
)
REQUIRED_MISSING: Final = message(
    "MAP-002",
    what="'{field}' is required, and the record gives nothing for it.",
    do="Complete the record in its source, or add a `default` or an alternative to the rule.",
    example="required: [displayName]   # and the record has none",
)
GOT_TYPE: Final = message(
    "MAP-003",
    what="it holds {wanted}, and the rule gave {got}.",
    do="Add a step that converts it (`to_text`, `to_number`, `to_flag`, `parse_date`).",
    example="title: Title   # and the cell holds a number",
)
OVER_LIMIT: Final = message(
    "MAP-004",
    what="it holds at most {limit} characters, and the value has {length}.",
    do="Shorten it in the source, or add `truncate_to_field` to the rule.",
    example="name: {from: displayName}   # 90 characters for a field of 80",
)
OVER_ITEMS: Final = message(
    "MAP-013",
    what="it names at most {limit}, and the value names {count}.",
    do="Name units instead of single people, or fewer of them.",
    example="user_permits: visibleToPersons   # with 60 people; DingTalk takes 50",
)
FORBIDDEN: Final = message(
    "MAP-005",
    what="it must not contain {characters}.",
    do="Correct it in the source, or add `remove_chars` or `replace` to the rule.",
    example="name: {from: displayName}   # a department called 'R-D'",
)
PATTERN: Final = message(
    "MAP-006",
    what="the value does not have the form that the target wants ({pattern}).",
    do="Correct it in the source, or convert it in the rule.",
    example="userid: {from: displayName}   # 张伟",
)
EVALUATION: Final = message(
    "MAP-007",
    what="the expression failed: {why}.",
    do="Guard it, for example with `when:`, or correct the record.",
    example="expr: rank / size   # and size is 0",
)
NO_CANDIDATE: Final = message(
    "MAP-008",
    what="every candidate for a unique value is taken.",
    do="Raise `numbered`, or add other candidates under `unique: then:`.",
    example="userid: {from: sn, unique: {numbered: 2}}   # the fourth Li",
)
STEP_FAILED: Final = message(
    "MAP-009",
    what="the step failed unexpectedly ({error}).",
    do="Report it with the rule; until then, correct the record or use another step.",
    example="a defect in a function",
)
CONDITION_FAILED: Final = message(
    "MAP-010",
    what="It cannot be decided whether the rules apply: {why}",
    do="{do} Until then the record is left as it is.",
    example="exclude: [{when: 'rank / size > 1'}]   # and size is 0",
)
NOT_IN_RULES: Final = message(
    "MAP-011",
    what="The rules say nothing of {kind} records.",
    do="Add a section '{kind}', or do not read such records.",
    example="rules: inbound   # without a section `group`",
)
TOO_BIG: Final = message(
    "MAP-012",
    what="the record is too large for this expression.",
    do="Shorten the attribute in the source, or use `from` and `via` for it.",
    example="expr: groups.map(g, lower(g))   # with 60,000 groups",
)
