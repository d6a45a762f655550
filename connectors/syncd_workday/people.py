"""From worker records to one record of a person. Blocking, pure: which XPaths, which zone and which day are arguments.

A person has several worker records after a conversion (contingent ↔ employee) or a rehire: another WID each, one person. So the
id of a person is the worker id or the universal id, by the setting `identity`, and all WIDs are its other names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from lxml import etree

from syncd.core.errors import Misconfigured
from syncd.core.model import Kind, NativeId, SourceRecord
from syncd.core.values import Value, content_digest
from syncd_workday import messages
from syncd_workday.answers import NAMES, WD, Element, text_of
from syncd_workday.paths import ATTRIBUTES, DATES, LISTS, TEXTS
from syncd_workday.settings import Identity, Section, WorkdaySettings
from syncd_workday.standing import Standing, civil, standing

_VERSION: Final = "1"
"""Of how records are decoded: another one decodes every record anew."""
_STATUS: Final = "wd:Worker_Data/wd:Employment_Data/wd:Worker_Status_Data"
_SECTIONS: Final[Mapping[Section, str]] = {
    Section.NAMES: "wd:Worker_Data/wd:Personal_Data/wd:Name_Data",
    Section.CONTACT: "wd:Worker_Data/wd:Personal_Data/wd:Contact_Data",
    Section.STATUS: _STATUS,
    Section.POSITION: "wd:Worker_Data/wd:Employment_Data/wd:Worker_Job_Data/wd:Position_Data",
    Section.ORGANIZATIONS: "wd:Worker_Data/wd:Organization_Data/wd:Worker_Organization_Data",
    Section.MANAGEMENT_CHAIN: "wd:Worker_Data/wd:Management_Chain_Data",
}
_KEPT_IDS: Final = f"{WD}Custom_ID"
_Path: TypeAlias = Callable[[Element], Any]
"""An XPath: its answer is a list of elements or texts, one text, a number or a flag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Which worker record this is."""

    wid: str
    key: str
    """The person's id; empty where the record does not say it."""
    ids: tuple[str, ...]
    contingent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker record with its content."""

    head: Head
    element: Element
    print: bytes
    sections: frozenset[Section]
    place: str
    """The WID of the supervisory organization."""
    review_at: datetime | None = None
    """From when on another record of them holds."""


class Shape:
    """How worker records become records of people."""

    def __init__(
        self, settings: WorkdaySettings, *, now: Callable[[], datetime], wanted: frozenset[str] | None = None
    ) -> None:
        self._settings = settings
        self._now = now
        chosen = {name: paths for name, paths in TEXTS.items() if paths and (wanted is None or name in wanted)}
        own = {name: (path,) for name, path in settings.attributes.items() if wanted is None or name in wanted}
        paths = {**chosen, **own}
        self._texts = {name: [_compiled(path) for path in several] for name, several in paths.items()}
        self._lists = {name: _compiled(path) for name, path in LISTS.items() if wanted is None or name in wanted}
        self._place = _compiled(TEXTS["SupervisoryOrganizationReference"][0])
        self._location = _compiled(TEXTS["LocationIdentifier"][0])
        self._zones = {name: ZoneInfo(name) for name in {settings.timezone, *settings.timezones.values()}}
        self._names = (*ATTRIBUTES[Kind.PERSON], *settings.attributes)
        stamp = repr((_VERSION, sorted(paths.items()), sorted(self._lists), settings.identity, settings.ahead))
        zones = repr((settings.timezone, sorted(settings.timezones.items())))
        self._stamp = blake2b((stamp + zones).encode(), digest_size=16).digest()

    def head(self, worker: Element) -> Head:
        """Return which record an element is; Worker_Reference is there in every response group."""
        reference = worker.find("wd:Worker_Reference", NAMES)
        ids = {each.get(f"{WD}type"): (each.text or "").strip() for each in _ids(reference)}
        number = ids.get("Employee_ID") or ids.get("Contingent_Worker_ID") or ""
        universal = text_of(worker, "wd:Worker_Data/wd:Universal_ID")
        if not universal:
            found = worker.find("wd:Universal_Identifier_Reference", NAMES)
            shown = {each.get(f"{WD}type"): (each.text or "").strip() for each in _ids(found)}
            universal = shown.get("Universal_Identifier_ID", "")
        key = number if self._settings.identity is Identity.WORKER_ID else universal
        wid = ids.get("WID", "")
        names = tuple(each for each in (wid, number) if each)
        return Head(wid=wid, key=key, ids=names, contingent="Contingent_Worker_ID" in ids)

    def heads(self, elements: Iterable[Element]) -> list[Head]:
        """Return which records elements are."""
        return [*map(self.head, elements)]

    def workers(self, elements: Iterable[Element]) -> list[Worker]:
        """Return worker records, without what nobody may see: national ids are dropped before anything is read or digested."""
        found = []
        for element in elements:
            _without_identification(element)
            # Alone below a root of its own, so that `wd:Worker/…` names this one.
            holder = etree.Element("holder")
            holder.append(element)
            raw = etree.tostring(element, with_tail=False)
            found.append(
                Worker(
                    head=self.head(element),
                    element=holder,
                    print=blake2b(raw, digest_size=16, key=self._stamp).digest(),
                    sections=frozenset(
                        name for name, path in _SECTIONS.items() if element.find(path, NAMES) is not None
                    ),
                    place=_first([self._place], holder),
                )
            )
        return found

    def standing(self, worker: Worker) -> Standing:
        """Return how somebody stands at this moment."""
        status = worker.element[0].find(_STATUS, NAMES)
        said = {etree.QName(each).localname: each.text or "" for each in status} if status is not None else {}
        now, settings = self._now(), self._settings
        read_on = now.astimezone(self._zones[settings.timezone]).date()
        return standing(said, now=now, zone=self.zone(worker), read_on=read_on, ahead=settings.ahead)

    def today(self, worker: Worker) -> date:
        """Return which day it is where somebody works."""
        return self._now().astimezone(self.zone(worker)).date()

    def zone(self, worker: Worker) -> ZoneInfo:
        """Return the time zone of the location where somebody works."""
        location = _first([self._location], worker.element)
        return self._zones[self._settings.timezones.get(location, self._settings.timezone)]

    def chosen(self, workers: Sequence[Worker]) -> Worker:
        """Return the record that counts: at work, then about to begin, then last to leave; an employee before a contingent."""
        return max(workers, key=lambda each: (self.standing(each).rank, not each.head.contingent, each.head.wid))

    def record(self, workers: Sequence[Worker], *, aliases: Iterable[str] = ()) -> SourceRecord:
        """Return the person that some worker records are."""
        worker = self.chosen(workers)
        how = self.standing(worker)
        attributes = self._attributes(worker, how)
        names = dict.fromkeys([*(each for one in workers for each in one.head.ids), *aliases])
        return SourceRecord(
            native_id=NativeId(worker.head.key),
            kind=Kind.PERSON,
            digest=content_digest(attributes, self._names),
            attributes=attributes,
            aliases=tuple(name for name in names if name != worker.head.key),
            # Several records together have no encoding of their own.
            fingerprint=worker.print if len(workers) == 1 else b"",
            review_at=min((at for at in (how.review_at, *(each.review_at for each in workers)) if at), default=None),
        )

    def _attributes(self, worker: Worker, how: Standing) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name, paths in self._texts.items():
            text = _first(paths, worker.element)
            if text and name in DATES:
                day = civil(text)
                text = day.isoformat() if day else ""
            if text:
                found[name] = text
        for name, path in self._lists.items():
            if several := tuple(dict.fromkeys(filter(None, map(_text, path(worker.element))))):
                found[name] = several
        found |= {
            "Timezone": self.zone(worker).key,
            "WorkerKind": "contingent" if worker.head.contingent else "employee",
        }
        if how.active is not None:
            found["Active"] = how.active
        if how.hire is not None:
            found["HireDate"] = how.hire.isoformat()
        if how.end is not None:
            found["EndDate"] = how.end.isoformat()
        if manager := _manager(worker):
            found["ManagerReference"] = manager
        return found


def _manager(worker: Worker) -> str:
    """Return the WID of the nearest manager. The chain runs from the top to the immediate one; where an organization has no
    manager the one above counts, and nobody is their own: the chain of the topmost manager may name themselves."""
    path = (
        "wd:Worker_Data/wd:Management_Chain_Data/wd:Worker_Supervisory_Management_Chain_Data/wd:Management_Chain_Data"
    )
    for level in reversed(worker.element[0].findall(path, NAMES)):
        for reference in level.findall("wd:Manager_Reference", NAMES):
            ids = {each.get(f"{WD}type"): (each.text or "").strip() for each in _ids(reference)}
            wid = ids.get("WID", "")
            if wid and not {*ids.values()} & {*worker.head.ids}:
                return wid
    return ""


def _without_identification(worker: Element) -> None:
    for block in worker.iterfind("wd:Worker_Data/wd:Personal_Data//wd:Identification_Data", NAMES):
        for child in list(block):
            if child.tag != _KEPT_IDS:
                block.remove(child)


def _ids(reference: Element | None) -> Iterable[Element]:
    return () if reference is None else reference.iterfind("wd:ID", NAMES)


def _first(paths: Iterable[_Path], element: Element) -> str:
    for path in paths:
        found = path(element)
        for each in found if isinstance(found, list) else [found]:
            if text := _text(each):
                return text
    return ""


def _text(found: object) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    text = found if isinstance(found, str) else getattr(found, "text", None)
    return str(text).strip() if text else ""


def _compiled(path: str) -> _Path:
    try:
        made: _Path = etree.XPath(path, namespaces=NAMES)
    except etree.XPathError as error:
        raise Misconfigured([messages.BAD_PATH.at(path=path, why=type(error).__name__)]) from None
    return made
