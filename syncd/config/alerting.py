"""The part `alerts` of `syncd.yaml`: who is told, in which language, when it is quiet, and the heartbeat.

What matters is in the rules of alerts, not here. Nothing here reads a file.
"""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.parts import Part, known_zone
from syncd.config.plugged import Plugged
from syncd.config.problems import refusal
from syncd.config.secrets import Kind, Secret
from syncd.core.alerting import Severity
from syncd.core.errors import message

_NOT_A_TIME: Final = message(
    "CFG-051",
    what="This is not a time of day.",
    do="Write hours and minutes in quotes: '22:00'.",
    example="alerts: {quiet_hours: {begin: 22, end: '07:00'}}",
)
_NOT_AN_ADDRESS: Final = message(
    "CFG-053",
    what="The address of the heartbeat is none of http or https.",
    do="Write the whole address that the other side gave you, or a reference to it: {{credential: heartbeat}}.",
    example="alerts: {heartbeat: {url: hc-ping.example/1234}}",
)


def _time(value: object) -> object:
    if isinstance(value, time):
        return value
    try:
        return time.fromisoformat(value) if isinstance(value, str) and len(value) == 5 else None
    except ValueError:
        return None


class QuietSettings(Part):
    """When nobody wants to hear of what is not critical. It is told afterwards, if it is still so."""

    begin: time
    """When the quiet begins, in `alerts.timezone`: '22:00'."""
    end: time
    """When it ends: '07:00'. Before `begin`, it is the next day's."""
    weekend: bool = False
    """Whether Saturday and Sunday are quiet all day."""

    @field_validator("begin", "end", mode="before")
    @classmethod
    def _written(cls, value: Any) -> Any:
        found = _time(value)
        if found is None:
            raise refusal(_NOT_A_TIME)
        return found


class HeartbeatSettings(Part):
    """A sign of life to somebody else, who notices when it stays away: the alarm that works when nothing here does."""

    url: Secret
    """The address that is called. Whoever knows it can send the sign, so it is kept as a secret is."""
    every: Duration = timedelta(minutes=1)
    """The time between two signs."""
    method: Literal["GET", "POST"] = "GET"
    """How it is called."""
    progress: Duration = timedelta(hours=1)
    """No sign is sent when no synchronization ended well for so long, or when no channel of alerts takes messages."""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if self.every < timedelta(seconds=10):
            raise ValueError("every must be at least 10s")
        # Only what stands in the file is looked at: what is kept elsewhere is fetched when it is needed.
        if self.url.kind is Kind.LITERAL and urlsplit(self.url.reveal()).scheme not in ("http", "https"):
            raise refusal(_NOT_AN_ADDRESS)
        return self


class ChannelEntry(Plugged):
    """One way to tell somebody of alerts."""

    severities: list[Severity] = Field(list(Severity), min_length=1)
    """What it is told of, where a rule names no channels: `critical`, `warning`, `info`."""


class AlertSettings(Part):
    """Who is told of problems, and how. Without channels alerts are only listed: `syncd alerts list`."""

    rules: Path | None = None
    """A file that changes or adds rules; without it the rules that syncd brings apply (`syncd alerts rules` shows them). A
    relative path starts at the folder of syncd.yaml."""
    language: Literal["en", "zh_CN", "id"] = "en"
    """The language of alerts."""
    timezone: str = Field("UTC", examples=["Asia/Shanghai"])
    """The time zone of the people who are told (IANA name): of quiet hours, and of times in messages."""
    personal_data: Literal["hide", "show"] = "hide"
    """Whether messages name the people concerned. `hide` says how many; `syncd alerts list` names them here."""
    docs: str = "docs"
    """Where your people find this documentation: the beginning of the links in messages."""
    quiet_hours: QuietSettings | None = None
    """When only what is critical is told."""
    channels: dict[str, ChannelEntry] = Field(default_factory=dict)
    """The ways to tell somebody, by a name of your own."""
    heartbeat: HeartbeatSettings | None = None
    """A sign of life for another system, so that silence is noticed."""

    @field_validator("rules")
    @classmethod
    def _rooted(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        base = (info.context or {}).get("base")
        return Path(base) / path if base and path else path

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        return known_zone(name)
