"""`syncd.yaml` as a value: read once, checked whole, every mistake told at once with its place.

The settings of connectors are validated here too, by the models that the connectors bring. Nothing here connects to anything,
reads a rule, or fetches a secret.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, Field, PrivateAttr, ValidationInfo, field_validator

from syncd.config.alerting import AlertSettings
from syncd.config.drift import DriftSettings
from syncd.config.joiners import NO_WORD, JoinerSettings
from syncd.config.parts import (
    AuditSettings,
    GuardSettings,
    JoinSettings,
    LeaverSettings,
    LoggingSettings,
    Part,
    ScheduleSettings,
    StateSettings,
    WriterSettings,
)
from syncd.config.plugged import Plugged
from syncd.config.problems import refusal
from syncd.config.secrets import OMIT_SECRETS, Secret
from syncd.config.tracing import TracingSettings
from syncd.config.web import WebSettings
from syncd.core.errors import message
from syncd.core.model import Kind
from syncd.core.values import Values, canonical


class Entry(Plugged):
    """What every source and target has, whatever its type."""

    rules: Path
    """The file with its mapping rules; a relative path starts at the folder of syncd.yaml."""

    @field_validator("rules")
    @classmethod
    def _rooted(cls, path: Path, info: ValidationInfo) -> Path:
        base = (info.context or {}).get("base")
        return Path(base) / path if base else path

    def outline(self) -> list[Any]:
        """Return what decides the results: type, own settings without secrets, and the rules' text."""
        is_model = isinstance(self.settings, BaseModel)
        own = self.settings.model_dump(mode="json", context=OMIT_SECRETS) if is_model else None
        rules = hashlib.blake2b(self.rules.read_bytes()).hexdigest() if self.rules.is_file() else None
        return [self.type, own, rules]


class SourceEntry(Entry):
    """One system that says who works here."""

    @property
    def delivers(self) -> Mapping[Kind, Mapping[str, str]] | None:
        """Return the attributes that rules may name, with those that the settings ask for besides; None if any."""
        widened = getattr(self.plugin, "attributes_with", None)
        found: Mapping[Kind, Mapping[str, str]] | None = widened(self.settings) if widened else self.plugin.attributes
        return found

    @property
    def writable(self) -> frozenset[str] | None:
        """Return the attributes of people that rules may write back; None where the source cannot be written to."""
        widened = getattr(self.plugin, "writable_with", None)
        found: Mapping[Kind, frozenset[str]] | None
        found = widened(self.settings) if widened else getattr(self.plugin, "writable", None)
        return None if found is None else found.get(Kind.PERSON, frozenset())


class TargetEntry(Entry):
    """The system that is kept in step."""


class ConsumerEntry(Plugged):
    """Somebody who acts on what was confirmed, such as a system for learning."""


class TriggerEntry(Plugged):
    """Where others say that somebody may have changed, such as a message broker."""


_ONE_DEPARTMENT: Final = message(
    "CFG-067",
    what="Joiners and leavers would wait in one department, '{name}'.",
    do="Give `joiners.department` another name than `leavers.department`: whoever waits for a first day sees what it is called.",
    example="joiners: {ahead: 7d, department: Leavers}",
)


class Settings(Part):
    """The whole configuration."""

    sources: dict[str, SourceEntry] = Field(min_length=1)
    """The systems that say who works here, by a name of your own. Where two of them speak of one attribute, the one that
    stands first is believed, unless `join.precedence` says otherwise."""
    target: TargetEntry
    """The system that is kept in step."""
    consumers: dict[str, ConsumerEntry] = Field(default_factory=dict)
    """Who hears of what was confirmed, by a name of your own: who joined, moved or left. A consumer that is new hears first of
    everybody who is there. One that fails is named and hears the same again; it never keeps the target from being written."""
    triggers: dict[str, TriggerEntry] = Field(default_factory=dict)
    """Where the service hears from others that somebody may have changed, by a name of your own: message brokers. What is said
    there is never believed; it wakes a source, which is read."""
    state: StateSettings = StateSettings()
    """Where syncd keeps what it remembers."""
    join: JoinSettings = JoinSettings()
    """How records of several sources become one person."""
    leavers: LeaverSettings = LeaverSettings()
    """What happens to the account of somebody who has left."""
    joiners: JoinerSettings = JoinerSettings()
    """When somebody gets an account who has not begun yet, and who is told of it before."""
    guard: GuardSettings = GuardSettings()
    """The limits beyond which a plan waits for somebody to look at it."""
    schedule: ScheduleSettings = ScheduleSettings()
    """When the service works by itself."""
    writer: WriterSettings = WriterSettings()
    """How changes are written to the target."""
    drift: DriftSettings = DriftSettings()
    """What becomes of what somebody changes by hand in the target."""
    logging: LoggingSettings = LoggingSettings()
    """What is logged, and how."""
    audit: AuditSettings = AuditSettings()
    """What the audit log keeps of people's values."""
    tracing: TracingSettings = TracingSettings()
    """Traces of what the service does, for OpenTelemetry."""
    alerts: AlertSettings = AlertSettings()
    """Who is told of problems, and how."""
    web: WebSettings = WebSettings()
    """Where the service listens for webhooks and for those who watch over it."""
    _path: Path = PrivateAttr(Path("syncd.yaml"))

    @field_validator("drift")
    @classmethod
    def _fits(cls, drift: DriftSettings, info: ValidationInfo) -> DriftSettings:
        drift.fits(getattr(info.data.get("target"), "plugin", None))
        return drift

    @field_validator("joiners")
    @classmethod
    def _apart(cls, joiners: JoinerSettings, info: ValidationInfo) -> JoinerSettings:
        leavers = info.data.get("leavers")
        if leavers is not None and joiners.ahead is not None and joiners.department == leavers.department:
            raise refusal(_ONE_DEPARTMENT, name=joiners.department)
        target = info.data.get("target")
        if joiners.tell is not None and target is not None and not hasattr(target.plugin, "send"):
            raise refusal(NO_WORD, target=target.type)
        return joiners

    @property
    def path(self) -> Path:
        """Return the file that was read."""
        return self._path

    @property
    def base(self) -> Path:
        """Return the folder of syncd.yaml, absolute: relative paths in settings start there."""
        return self._path.resolve().parent

    def read_from(self, path: Path) -> Self:
        """Say which file the settings were read from."""
        self._path = path
        return self

    def digest(self) -> bytes:
        """Return 16 bytes that differ when something differs that decides results: sources, target, join, leavers and
        their rules' text. Secrets, limits, schedule and logging do not count."""
        ahead = self.joiners.ahead is not None
        parts: Values = {
            "sources": [[name, *entry.outline()] for name, entry in self.sources.items()],
            "target": self.target.outline(),
            "join": self.join.model_dump(mode="json"),
            # How soon something must be done says nothing about what is done.
            "leavers": self.leavers.model_dump(mode="json", exclude={"within"}),
            # Not named where it is not used, so that a new version computes nothing anew. Who is told decides no result.
            **({"joiners": self.joiners.model_dump(mode="json", include={"ahead", "department"})} if ahead else {}),
        }
        return hashlib.blake2b(canonical(parts), digest_size=16).digest()


PARTS: Final = tuple(Settings.model_fields)
"""The keys that `syncd.yaml` may have at its top level."""


def secrets_of(
    settings: BaseModel, *, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Secret]]:
    """Yield every secret in a model with the place of its setting."""
    for name in type(settings).model_fields:
        yield from _secrets_in(getattr(settings, name), (*at, name))


def _secrets_in(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Secret]]:
    match value:
        case Secret():
            yield at, value
        case Plugged():
            yield from secrets_of(value.settings, at=at) if isinstance(value.settings, BaseModel) else ()
        case BaseModel():
            yield from secrets_of(value, at=at)
        case Mapping():
            for key, item in value.items():
                yield from _secrets_in(item, (*at, key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _secrets_in(item, (*at, index))
        case _:
            return


def load(path: Path | None = None, *, env: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration: `path`, or $SYNCD_CONFIG, ./syncd.yaml, /etc/syncd/syncd.yaml, whichever comes first.

    Raises Misconfigured with every problem of every part, the connectors' own settings included.
    """
    from syncd.config.loading import loaded

    return loaded(path, os.environ if env is None else env)
