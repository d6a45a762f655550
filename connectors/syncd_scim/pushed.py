"""The source of what a provider pushes to us: read from what is kept, as any other source is. It takes no requests itself.

Whoever pushes was answered already, so a mass deactivation is read here as what it is, and the guard decides about it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from syncd.config.problems import refusal
from syncd.core.errors import NeedsHuman
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import LEARNED, Completeness, Kind, NativeId, Page, ProofFact, SourceName, SourceRecord
from syncd.core.ports import Room, Standing, Verdict
from syncd.core.pushed import Kept, Portion, Pushes, Sort
from syncd.core.values import instant
from syncd.core.wakes import Wake, WakeReason
from syncd_scim import messages
from syncd_scim.paths import PATH, Path
from syncd_scim.resources import ATTRIBUTES, Shape, fingerprint

_KINDS: Final = {Sort.USER: Kind.PERSON, Sort.GROUP: Kind.GROUP}
_HOW: Final = "what was pushed since, by number; deletions as such"


class PushSettings(BaseModel):
    """A provider that pushes users and groups to us by SCIM, at /scim/v2/ and the source's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: bool = True
    """Whether groups are read."""
    attributes: Mapping[Annotated[str, Field(min_length=1)], str] = Field(default_factory=dict)
    """More attributes of people, by a name of your own: `badge: urn:example:2.0:User:badge`. Rules may read them as texts."""

    @field_validator("attributes")
    @classmethod
    def _paths(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for path in value.values():
            if PATH.fullmatch(path) is None:
                raise refusal(messages.BAD_PATH, path=path)
        return value


class ScimPush:
    """What was pushed, as a `syncd.core.ports.Source` that watches."""

    settings: ClassVar[type[PushSettings]] = PushSettings
    attributes: ClassVar[Mapping[Kind, Mapping[str, str]] | None] = ATTRIBUTES
    pushed: ClassVar[bool] = True
    """Its room holds `pushes`."""

    def __init__(self, settings: PushSettings, room: Room) -> None:
        self._settings = settings
        self._room = room
        self._watches = False
        extra = {name: Path.parsed(path) for name, path in settings.attributes.items()}
        self._shapes = {
            Sort.USER: Shape(kind=Kind.PERSON, extra=extra),
            Sort.GROUP: Shape(kind=Kind.GROUP, extra={}),
        }

    @classmethod
    def attributes_with(cls, settings: PushSettings) -> Mapping[Kind, Mapping[str, str]]:
        """Return what can be read with the attributes that the settings add."""
        own = dict.fromkeys(settings.attributes, "text")
        return MappingProxyType({**ATTRIBUTES, Kind.PERSON: {**ATTRIBUTES[Kind.PERSON], **own}})

    async def __aenter__(self) -> ScimPush:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def read(
        self, cursor: str | None, *, full: bool = False, known: Known = NOTHING_KNOWN
    ) -> AsyncIterator[Page]:
        """Yield what was pushed since the cursor, or everything that is kept."""
        after = int(cursor) if cursor is not None and cursor.isdecimal() and not full else None
        people = upto = 0
        complete = True
        async for portion in self._pushes().portions(after):
            complete, upto = portion.full, portion.upto
            people += sum(one.sort is Sort.USER for one in portion.resources)
            yield self._page(portion, known)
        facts = [ProofFact(name=LEARNED, holds=True, detail=_HOW)]
        if complete:
            facts.append(ProofFact(name="somebody is there", holds=people > 0, detail=f"{people} people"))
        notes = (messages.NOBODY_PUSHED.at(name=self._room.name),) if complete and not people else ()
        yield Page(full=complete, cursor=str(upto), completeness=Completeness(facts=tuple(facts)), notes=notes)

    async def check(self) -> AsyncIterator[Verdict]:
        """Say how many people were pushed."""
        if self._room.pushes is None:
            problem = messages.NO_PUSHES.at(name=self._room.name)
            yield Verdict(name="pushed", standing=Standing.FAILED, seen=problem.what, problem=problem)
            return
        people = 0
        async for portion in self._room.pushes.portions(None):
            people += sum(one.sort is Sort.USER for one in portion.resources)
        nobody = None if people else messages.NOBODY_PUSHED.at(name=self._room.name)
        standing = Standing.OK if people else Standing.WARNING
        yield Verdict(name="pushed", standing=standing, seen=f"{people} people are kept", problem=nobody)

    async def watch(self) -> AsyncIterator[Wake]:
        """Yield a wake at the start, and whenever something was pushed."""
        pushes = self._pushes()
        try:
            while True:
                self._watches = True
                yield Wake(source=SourceName(self._room.name), reason=WakeReason.PUSH, event_at=self._room.now())
                await pushes.changed()
        finally:
            self._watches = False

    def watching(self) -> str:
        """Return how it is watched."""
        return "pushes" if self._watches else ""

    def _pushes(self) -> Pushes:
        if self._room.pushes is None:
            raise NeedsHuman(messages.NO_PUSHES.at(name=self._room.name))
        return self._room.pushes

    def _page(self, portion: Portion, known: Known) -> Page:
        records: list[SourceRecord] = []
        unchanged = 0
        for kept in portion.resources:
            if kept.sort is Sort.GROUP and not self._settings.groups:
                continue
            inside = portion.members.get(kept.id, ()) if kept.sort is Sort.GROUP else portion.groups.get(kept.id, ())
            shape = self._shapes[kept.sort]
            print_ = fingerprint(shape, b"\n".join((kept.body, kept.id.encode(), *(one.encode() for one in inside))))
            if known.seen(print_):
                unchanged += 1
                continue
            records.append(shape.record(_resource(kept, inside), native_id=kept.id, fingerprint=print_))
        gone = tuple(NativeId(one) for one in portion.gone)
        return Page(records=tuple(records), deletions=gone, unchanged=unchanged, full=portion.full)


def _resource(kept: Kept, inside: Sequence[str]) -> dict[str, Any]:
    """Return what is kept as SCIM would show it."""
    meta = {"created": instant(kept.created_at), "lastModified": instant(kept.modified_at)}
    named = "members" if kept.sort is Sort.GROUP else "groups"
    return {**json.loads(kept.body), "id": kept.id, "meta": meta, named: [{"value": one} for one in inside]}
