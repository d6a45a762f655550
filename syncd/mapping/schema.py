"""The shape of rule files: what may be written, without what it means. Docstrings are the tooltips that editors show.

`rules_schema` gives the JSON Schema for editors; the loader validates against the same models. Names, types and limits
are checked afterwards by `checking`, which knows the source and the target.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter

from syncd.config.describing import told

Scalar = str | int | float | bool
"""A text, a number or a flag."""
ViaItem = str | dict[str, Any]
"""`trim`, or `truncate: 20`, or `lookup: {table: grades, otherwise: keep}`."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _written(value: Any) -> str:
    """Tell the spellings of one thing apart: a text, a list of alternatives, or a mapping."""
    if isinstance(value, list | tuple):
        return "alternatives"
    return "rule" if isinstance(value, dict | BaseModel) else "text"


class Pipeline(_Shape):
    """A condition made of steps: an attribute, and functions that end in true or false."""

    from_: str | list[str] = Field(alias="from")
    """The attribute to look at, or several of them."""
    via: list[ViaItem] = []
    """The functions that the value passes through, in order."""


Condition = Annotated[
    Annotated[str, Tag("text")] | Annotated[Pipeline, Tag("rule")],
    Discriminator(_written),
]
"""A CEL expression that gives true or false, or `from` with `via`."""


class Unique(_Shape):
    """How to find a value that nobody else has."""

    then: list[str | Rule] = []
    """Further candidates, tried in order when the first one is taken."""
    numbered: int = Field(default=99, ge=0, le=9999)
    """How many numbered candidates to try after that: li.wei2, li.wei3, …"""


class Rule(_Shape):
    """Where the value of a field comes from. Exactly one of from, expr, value, memberships and mapping."""

    from_: str | list[str] | None = Field(default=None, alias="from")
    """The attribute that gives the value; several are joined by the first step of `via`."""
    via: list[ViaItem] = []
    """The functions that the value passes through, in order; docs/reference/functions.md lists them."""
    expr: str | None = None
    """A CEL expression, for what `from` and `via` cannot say."""
    value: Scalar | list[str] | None = None
    """A constant: the same for everybody."""
    memberships: str | None = None
    """The attribute that lists the units of a person (`units`), to fill a field of memberships."""
    title: str | None = None
    """With memberships: the attribute that lists the title in each unit."""
    order: str | None = None
    """With memberships: the attribute that holds the rank in the main unit."""
    mapping: dict[str, AnyRule] | None = None
    """A field made of named texts, each filled by a rule of its own."""
    when: Condition | None = None
    """The rule applies only if this gives true."""
    default: Scalar | list[str] | None = None
    """What to write when the rule gives nothing."""
    on_null: Literal["keep", "clear"] | None = None
    """When the rule gives nothing: `keep` leaves the field alone (usual), `clear` empties it."""
    on_error: Literal["park", "skip_field", "default"] = "park"
    """When the value cannot be converted: `park` leaves the whole object as it is (usual), `skip_field` leaves only this
    field alone and warns, `default` writes the default and warns."""
    by: str | None = None
    """In a reference: how its text names the other record: `alias` (usual: its DN or id), `id`, or an attribute."""
    unique: bool | Unique = False
    """The value must differ from everybody else's; if it is taken, candidates such as li.wei2 are tried."""


AnyRule = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[Rule, Tag("rule")]
    | Annotated[
        list[Annotated[Annotated[str, Tag("text")] | Annotated[Rule, Tag("rule")], Discriminator(_written)]],
        Tag("alternatives"),
    ],
    Discriminator(_written),
]
"""An attribute as it stands, a rule, or a list of them: the first that gives a value wins."""


class Scope(_Shape):
    """A condition on whole records, with its reason."""

    when: Condition
    """Which records."""
    reason: str = ""
    """Why, in words for the people who will see it in reports."""


class Level(_Shape):
    """One level of a path of units. Either `name`, or `value` for a level that is the same for everybody."""

    name: AnyRule | None = None
    """The attribute or rule that gives the unit's name; where it gives nothing, the level is left out."""
    value: str | None = None
    """A fixed name, for a common root."""
    id: AnyRule | None = None
    """The attribute or rule that gives the unit's stable id, so that a rename stays a rename and a move a move."""
    order: AnyRule | None = None
    """The attribute or rule that gives the place among the siblings; smaller stands earlier."""
    owner: bool = False
    """True for the level of the subsidiary: units here and below get its name as their `organization`."""
    outer: bool = False
    """True for the level of outsiders: units here and below are `outer`, and take nobody else."""


class UnitPath(_Shape):
    """The person's unit as a path of attributes, top first."""

    path: Annotated[Annotated[list[Level], Tag("alternatives")] | Annotated[Rule, Tag("rule")], Discriminator(_written)]
    """The levels; or one rule that gives the list of names, such as {from: distinguishedName, via: [dn_ous]}."""


UnitPaths = Annotated[
    Annotated[UnitPath, Tag("rule")] | Annotated[list[UnitPath], Tag("alternatives")], Discriminator(_written)
]
"""One path, or several: the first is the main one."""


class Table(_Shape):
    """A lookup table in a file of its own."""

    file: str
    """A CSV file (UTF-8, heading, two columns), relative to the rule file."""


def _kept(value: Any) -> str:
    """Tell a table that is written here from one in a file: the latter has the one key `file`."""
    return "in a file" if isinstance(value, Table) or (isinstance(value, dict) and list(value) == ["file"]) else "here"


AnyTable = Annotated[
    Annotated[Table, Tag("in a file")] | Annotated[dict[str, Scalar], Tag("here")], Discriminator(_kept)
]
"""What to look up and what it becomes, line by line; or {file: grades.csv}."""


class Section(_Shape):
    """The rules for one kind of object."""

    include: list[Scope] = []
    """If there are any, only objects that meet at least one of them are synchronized."""
    exclude: list[Scope] = []
    """Objects that meet one of them are left out, with its reason."""
    required: list[str] = []
    """Fields without which the object is left as it is (parked) instead of being written by halves."""
    fields: dict[str, AnyRule]
    """The rule for each field."""


class InboundPerson(Section):
    """The rules for records of people."""

    units: UnitPaths | None = None
    """The departments of a person as paths of attributes, where the source has no records of departments. The first path
    is the main one. Where it has records, write a rule for the field `units` instead."""


class InboundGroup(Section):
    """The rules for records of groups."""

    as_: Literal["group", "unit"] = Field(default="group", alias="as")
    """`unit` turns each group into a department."""


class OutboundSection(Section):
    """The rules for one kind of object of the target."""

    adopt: list[str] = []
    """Fields by which an object that is already there is recognised as the same, in order of trust."""


class OutboundUnit(OutboundSection):
    """The rules for departments of the target."""

    heads: Literal["members", "add"] = "members"
    """Who may lead a department, where the target lets only members: `members` leaves out whoever is none, and says so (usual);
    `add` makes them members of it besides their own departments, also whoever takes over from a leaver."""


class _File(_Shape):
    version: Literal[1]
    """The version of the rule language."""
    timezone: str = "UTC"
    """Where days begin, for functions that convert dates: an IANA name such as Asia/Shanghai."""
    region: str = "CN"
    """How to read phone numbers without a country code: ISO 3166-1 alpha-2."""
    tables: dict[str, AnyTable] = {}
    """Lookup tables, written here or in CSV files."""


class WriteBack(_Shape):
    """What of the target an attribute of the source is to hold."""

    from_: str = Field(alias="from")
    """The target's field; `userid` and `unionid` are among them."""
    via: list[ViaItem] = []
    """The functions that the value passes through, in order, so that it is written as the source writes such values."""
    when: Literal["always", "drift"] = "always"
    """Who decides: `always` the target, and whatever the attribute holds is written over; `drift` the source, until somebody
    changes the field by hand in the target and that is accepted (`drift` in syncd.yaml)."""
    clear: bool = False
    """Whether an empty field empties the attribute. Usually it does not."""


AnyWriteBack = Annotated[
    Annotated[str, Tag("text")] | Annotated[WriteBack, Tag("rule")],
    Discriminator(_written),
]
"""A field of the target as it stands, or a rule."""


class InboundFile(_File):
    """From a source's records to what they mean."""

    rules: Literal["inbound"]
    """Which way the rules lead."""
    person: InboundPerson | None = None
    """People."""
    unit: Section | None = None
    """Departments, where the source has records of them."""
    group: InboundGroup | None = None
    """Groups."""
    write_back: dict[str, AnyWriteBack] = {}
    """What flows the other way: attributes of the source's people, and the target's fields that are written to them."""


class RoleRule(_Shape):
    """A role that nobody's group becomes, but the rules give."""

    name: str = Field(min_length=1)
    """What the target calls it."""
    group: str = Field(min_length=1)
    """The group of roles in which it stands; made if it is not there."""
    when: Condition
    """Who has it: a condition on people, as in `include`."""


RoleKey = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""What the rules call a role. It may be renamed in the target, and stays the same role as long as this name stays."""


class OutboundFile(_File):
    """From what is true to what the target shall hold."""

    rules: Literal["outbound"]
    """Which way the rules lead."""
    person: OutboundSection | None = None
    """People."""
    unit: OutboundUnit | None = None
    """Departments."""
    group: OutboundSection | None = None
    """Groups that become roles. People have them by the field `roles` of `person`."""
    contact: OutboundSection | None = None
    """Outsiders who become external contacts instead of accounts: all of them, or those whom `include` and `exclude` name. The
    others go by `person`. Whoever is not said to be an outsider never becomes one."""
    roles: dict[RoleKey, RoleRule] = {}
    """Roles that are given by a condition on people, and not by a group of a source."""


RuleFile = InboundFile | OutboundFile


def rules_schema() -> dict[str, Any]:
    """Return the JSON Schema of rule files, for editors."""
    adapter: TypeAdapter[RuleFile] = TypeAdapter(Annotated[RuleFile, Field(discriminator="rules")])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "syncd mapping rules",
        **told(adapter.json_schema(by_alias=True), InboundFile, OutboundFile),
    }
