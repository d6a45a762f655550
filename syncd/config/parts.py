"""The parts of `syncd.yaml` that are the same for every source and target, with their defaults.

The docstring below each setting is what editors show and what the reference page says. Nothing here reads a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd.core import circuits, policy
from syncd.core.circuits import REMEMBERED, SUBJECTS
from syncd.core.errors import message
from syncd.core.model import Effect
from syncd.core.policy import Limits

_PASSWORD_IN_URL: Final = message(
    "CFG-026",
    what="The URL of the state holds a password.",
    do="Take it out of the URL, and write it as `password: {{env: NAME}}` beside it, or by file or credential.",
    example="state: {url: postgresql+psycopg://syncd:geheim@db/syncd}",
)


_UNKNOWN_ZONE: Final = message(
    "CFG-048",
    what="There is no time zone called '{name}'.",
    do="Write the name of a place as the IANA database has it, such as Asia/Shanghai or Asia/Jakarta.",
    example="leavers: {timezone: WIB}",
)


_NO_COMPARISON: Final = message(
    "CFG-070",
    what="This is nothing that what a source says could be compared with.",
    do="Write a text, a number, true, false or null, or a list of some of them.",
    example="join: {precedence: {title: [{source: hr, when: {userType: {is: Employee}}}, ad]}}",
)


class Part(BaseModel):
    """What all parts have in common: unknown settings are refused, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def known_zone(name: str) -> str:
    """Return the name of a time zone. Raises a pydantic error that tells the message CFG-048."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refusal(_UNKNOWN_ZONE, name=name) from None
    return name


class StateSettings(Part):
    """Where syncd keeps what it remembers: links, the queue, the audit log."""

    url: str = "sqlite:///var/syncd.db"
    """The database. `sqlite:///` and a path (relative paths start at the folder of syncd.yaml), or
    `postgresql+psycopg://user@host/database`."""
    password: Secret | None = None
    """The password of the database, where it needs one."""

    @field_validator("url")
    @classmethod
    def _rooted(cls, url: str, info: ValidationInfo) -> str:
        if urlsplit(url).password:
            raise refusal(_PASSWORD_IN_URL)
        base = (info.context or {}).get("base")
        relative = re.fullmatch(r"sqlite:///([^/].*)", url)
        return f"sqlite:///{Path(base) / relative[1]}" if base and relative and relative[1] != ":memory:" else url

    def connection(self) -> str:
        """Return the URL with the password in it: for the database driver only, never for a log."""
        if self.password is None:
            return self.url
        parts = urlsplit(self.url)
        user, at, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}:{quote(self.password.reveal(), safe='')}{at}{host}"))


class _OrName:
    """Says to editors that a name alone will do."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


def _one_or_several(value: object) -> list[object]:
    """Return what is wanted as a list. Raises a pydantic error that tells the message CFG-070."""
    several = value if isinstance(value, list) else [value]
    if not several or not all(one is None or isinstance(one, str | bool | int | float) for one in several):
        raise refusal(_NO_COMPARISON)
    return several


Wanted = Annotated[list[str | bool | int | float | None], BeforeValidator(_one_or_several, json_schema_input_type=Any)]


class WordSettings(Part):
    """A source whose word on an attribute counts on terms. Where they do not hold, it is asked after all others."""

    source: str
    """Its name above."""
    when: dict[str, Wanted] = {}
    """What has to be said of the same person, by attribute: `userType: Employee`, or one of several, `userType: [Employee,
    Intern]`; null where nothing may be said. All of them have to hold. It is asked what this source says itself; with another
    one's name and a colon in front, what that one says: `"hr:userType": Employee`. Texts are compared without case."""
    max_age: Duration | None = Field(None, examples=["7d"])
    """For how long after its last good read the source is believed on the attribute before others who know it; nothing is lost
    where nobody else does."""


Word = Annotated[
    WordSettings, BeforeValidator(lambda told: {"source": told} if isinstance(told, str) else told), _OrName()
]


class JoinSettings(Part):
    """How records of several sources become one person."""

    correlate: list[str] = ["employeeNumber", "emails.work", "userName"]
    """The attributes by which a record finds its person, the most reliable one first. A value that two persons share
    joins nobody; it is reported and proposed. Attributes that must agree together stand with a plus between them:
    `name.formatted + extra.birthDate`."""
    correlate_by_source: dict[str, list[str]] = {}
    """The same for the records of single sources, instead of `correlate`: `partners: [emails.work]`."""
    suggest: list[str] = []
    """Written like `correlate` and tried after it: what agrees here is a hint and no proof. Such a join is proposed and waits for
    a person (`syncd links review`); until then the record stands aside, nobody is created for it, and nobody is removed."""
    precedence: dict[str, list[Word]] = {}
    """Which source is believed for an attribute, the first that has a value wins: `title: [hr, ad]`. Attributes that are
    not named here follow the order of `sources`. Instead of a name, a source with terms: `{source: hr, max_age: 7d}`."""


class LeaverSettings(Part):
    """What happens to the account of somebody who has left."""

    policy: Literal["hold", "remove"] = "hold"
    """`hold`: moved at once into a hidden department, and deleted when the grace period ends; `remove`: deleted at once."""
    grace: Duration = timedelta(days=30)
    """How long `policy: hold` keeps a leaver hidden before the account is deleted."""
    department: str = Field("Leavers", min_length=1, max_length=64)
    """The name of the hidden department that keeps leavers."""
    timezone: str = Field("UTC", examples=["Asia/Shanghai"])
    """Where people work of whom no source says it (IANA name): a last working day, `endDate`, is over at midnight there."""
    absent: Literal["leaver", "keep"] = "leaver"
    """What somebody is who is missing from every source, when the reads are proven complete: a leaver, or kept as is."""
    hand_over: Literal["manager", "deputy", "keep"] = "manager"
    """Who takes over when somebody has left whom the sources still name as a manager. `manager`: the next one above who is there
    manages the reports, and leads the departments that they belong to, until the sources name somebody; `deputy`: the same, but
    first the `deputy` whom the sources name of the leaver; `keep`: nobody, and the reports keep the leaver until the account is
    removed."""
    within: Duration = timedelta(hours=1)
    """How soon the account of a leaver must be closed. One that waits for longer is counted as late, and alerted."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_zone(name)


class Limit(Part):
    """How much of one effect may happen in one plan. Whichever of the two is reached first holds the effect."""

    count: Annotated[int, Field(ge=0)] | Literal["auto"] | None = None
    """Hold when as many or more are affected. 0 holds every one; null switches this limit off; `auto` is 2 % of the
    population, at least 5 and at most 500."""
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """Hold when this share of the population, or more, is affected. 0 holds every one; null switches this limit off. Not
    looked at below `minimum_population`."""


LIMITS: Final[Mapping[Effect, Limit]] = {
    Effect.ADOPT: Limit(),
    Effect.CREATE: Limit(percent=50),
    Effect.UPDATE: Limit(percent=50),
    Effect.MOVE: Limit(count=500, percent=20),
    Effect.LOGIN: Limit(count="auto", percent=5),
    Effect.LEAVE: Limit(count="auto", percent=5),
    Effect.UNIT_CREATE: Limit(percent=50),
    Effect.UNIT_UPDATE: Limit(percent=50),
    Effect.UNIT_MOVE: Limit(count=50, percent=20),
    Effect.UNIT_REMOVE: Limit(count=10, percent=10),
    Effect.UNIT_OPEN: Limit(count=0),
    Effect.WRITE_BACK: Limit(count="auto", percent=5),
    Effect.GRANT: Limit(percent=50),
    Effect.REVOKE: Limit(count="auto", percent=5),
    Effect.ROLE_CREATE: Limit(percent=50),
    Effect.ROLE_UPDATE: Limit(percent=50),
    Effect.ROLE_REMOVE: Limit(count=10, percent=10),
    Effect.CONTACT_CREATE: Limit(percent=50),
    Effect.CONTACT_UPDATE: Limit(percent=50),
    Effect.CONTACT_REMOVE: Limit(count="auto", percent=5),
}
"""The limits for what `guard.limits` does not name. Leavers and logins are tight, because they lock people out, and so is what is
written to a source, because everybody believes it. That a department is shown which was hidden, or all is shown to those who saw
a part, always waits for somebody: it cannot be unseen. What only adds is generous: a new department must not need an approval."""


class GuardSettings(Part):
    """The limits beyond which a plan waits for somebody to look at it. Only the effect that trips is held."""

    first_run: Literal["plan_only", "apply"] = "plan_only"
    """What the first run of a new configuration does: show its plan and wait for a release, or write it."""
    limits: dict[Effect, Limit] = dict(LIMITS)
    """The limits by effect: adopt, create, update, move, login, leave, unit_create, unit_update, unit_move, unit_remove,
    unit_open, write_back, grant (a role is given), revoke (a role is lost), role_create, role_update, role_remove,
    contact_create, contact_update, contact_remove (external contacts). What is not named keeps its default; naming only `count`
    keeps the default `percent`, and the other way round."""
    window: Duration = timedelta(hours=1)
    """What was accepted in this time counts against the limits together with the plan, so that a mass change that comes one
    event at a time is held as it would be at once. What somebody released does not count; `0s` looks at each plan by itself."""
    minimum_population: int = Field(50, ge=0)
    """Below this number of linked objects percentages are not looked at, counts are."""
    shrink_percent: float = Field(10, ge=0, le=100)
    """Hold leavers of a source that delivers fewer records than its last good read by this share or more."""
    per_unit_percent: float | None = Field(30, ge=0, le=100)
    """Hold who leaves or moves away from a department that would lose this share of its people or more; null switches it
    off."""
    per_unit_minimum: int = Field(10, ge=1)
    """Departments with fewer people are not looked at one by one."""
    protected: list[str] = []
    """Accounts that are never touched: target ids, or names with `*` as a wildcard."""
    hold_expires: Duration = timedelta(days=3)
    """A held plan that nobody released in this time is dropped, and made anew from then current data."""
    approvers: list[str] = []
    """Who may release a hold, by login name; empty: everybody who may run syncd."""

    def judged_by(self) -> Limits:
        """Return the limits in the words of the guard."""
        return Limits(
            by_effect={
                effect: policy.Limit(count=limit.count, percent=limit.percent) for effect, limit in self.limits.items()
            },
            minimum_population=self.minimum_population,
            per_unit_percent=self.per_unit_percent,
            per_unit_minimum=self.per_unit_minimum,
        )

    @field_validator("limits", mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        """Let every limit that is named only in part keep the other part of its default."""
        if not isinstance(given, Mapping):
            return given
        if Effect.SOURCE_SHRUNK in given:
            raise ValueError("source_shrunk has a setting of its own: guard.shrink_percent")
        known = {str(effect): limit for effect, limit in LIMITS.items()}
        named = {
            str(name): {**known[name].model_dump(), **limit} if name in known and isinstance(limit, Mapping) else limit
            for name, limit in given.items()
        }
        return {**known, **named}


class ScheduleSettings(Part):
    """When the service works by itself. Change notifications and webhooks wake it earlier."""

    every: Duration = timedelta(minutes=15)
    """The time between two synchronizations."""
    full_every: Duration = timedelta(hours=24)
    """The time between two complete reads of a source that can also say what changed; they prove who is gone, and repair what the
    source did not say. From 20 hours on the service makes them at night (1:05 to 4:55 in `leavers.timezone`, at a minute of the
    installation's own)."""
    observe_every: Duration = timedelta(hours=24)
    """The time between two complete looks at the target, which find what was changed there by hand."""
    jitter: Duration = timedelta(seconds=30)
    """Each start is delayed by a random time of at most this, so that several installations do not start together."""
    drain: Duration = timedelta(seconds=60)
    """How long calls that are under way may take when the service is told to stop. What is not over by then is read back at the
    next start, and never blindly repeated."""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.every < timedelta(seconds=10):
            raise ValueError("every must be at least 10s")
        return self


_M: Final = timedelta(minutes=1)


class QuarantineSettings(Part):
    """When a target that fails is left alone, and how it is probed. One of its interfaces that fails while others work is left
    alone by itself, by the same measures. What it refuses of single people is no failure in this sense."""

    calls: int = Field(20, ge=SUBJECTS, le=REMEMBERED)
    """So many calls are looked at before anything is left alone."""
    percent: float = Field(80, ge=50, le=100)
    """The share of the different people and departments of these calls whose last call must have failed."""
    within: Duration = timedelta(minutes=10)
    """The calls that are looked at are younger than this."""
    first_probe: Duration = timedelta(seconds=30)
    """How long it is left alone at first; then twice as long after each probe that fails. A probe is a change that waits, leavers
    first."""
    last_probe: Duration = timedelta(minutes=15)
    """The longest pause between two probes. They never end."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if not timedelta(seconds=1) <= self.first_probe <= self.last_probe:
            raise ValueError("first_probe must be at least 1s, and no longer than last_probe")
        return self

    def judged_by(self) -> circuits.Terms:
        """Return the terms in the words of the core."""
        return circuits.Terms(
            calls=self.calls,
            percent=self.percent,
            within=self.within,
            first=self.first_probe,
            most=self.last_probe,
        )


class WriterSettings(Part):
    """How changes are written to the target."""

    concurrency: int = Field(64, ge=1, le=256)
    """How many changes are on their way at once; the target's own rate limits hold besides."""
    batch: int = Field(64, ge=1, le=1000)
    """How many outcomes are stored in one transaction."""
    retries: list[Duration] = [2 * _M, 5 * _M, 20 * _M, 120 * _M, 720 * _M]
    """The waits between attempts at a change that fails for its own reasons; after the last one it is parked."""
    leaver_retries: list[Duration] = [_M, 2 * _M, 5 * _M, 15 * _M, 30 * _M]
    """The same for leavers, who must not wait; the last wait repeats, and somebody is alerted."""
    quarantine: QuarantineSettings = QuarantineSettings()
    """When a target that fails is left alone. Attempts that this explains do not count."""


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LoggingSettings(Part):
    """What is logged, and how. Logs go to standard error, where systemd picks them up."""

    format: LogFormat = LogFormat.AUTO
    """`auto`: for people on a terminal, JSON otherwise."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important events that are logged."""
    personal_data: Literal["hide", "show"] = "hide"
    """Whether names, numbers and addresses of people may appear in logs. Secrets never do."""


class AuditSettings(Part):
    """What the audit log keeps of people's values."""

    values: Literal["full", "masked", "digest"] = "full"
    """`full`: old and new values; `masked`: their first and last character; `digest`: only whether they differ."""
