"""What a tenant knows, in two times: when something was entered, and from which day on it holds. No wire formats here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

_START: Final = date(2000, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is said of a worker on one day."""

    first: str = ""
    last: str = ""
    preferred: str = ""
    local: str = ""
    mails: tuple[str, ...] = ()
    mobile: str = ""
    home_mobile: str = ""
    title: str = ""
    second_title: str = ""
    organization: str = ""
    location: str = ""
    hire: date | None = None
    terminated: date | None = None
    resigned: date | None = None
    active: bool = False
    rescinded: bool = False
    leave: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    national_id: str = ""


@dataclass(slots=True, kw_only=True)
class Event:
    """One transaction."""

    entered: datetime
    effective: date
    changes: dict[str, Any]
    rescinded: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Worker:
    """One worker record; a person may have several."""

    wid: str
    number: str
    contingent: bool = False
    universal: str = ""
    events: list[Event] = field(default_factory=list)
    vanished: datetime | None = None

    def facts(self, *, entered: datetime, effective: date) -> Facts | None:
        """Return what had been entered by a moment about a day, None where there was no record."""
        known = [each for each in self.events if each.entered <= entered]
        if not known or (self.vanished is not None and self.vanished <= entered):
            return None
        facts = Facts()
        first = known[0]
        if first.effective > effective:
            # Before the first day there is hardly more than the name and the date.
            shown = {name: first.changes[name] for name in ("first", "last", "hire") if name in first.changes}
            gone = first.rescinded is not None and first.rescinded <= entered
            return replace(facts, **shown, rescinded=gone)
        for each in sorted(known, key=lambda each: (each.effective, each.entered)):
            if each.effective <= effective and not (each.rescinded and each.rescinded <= entered):
                facts = replace(facts, **each.changes)
        # Recalled: the last day is still a working day, the flag turns at its end.
        left = facts.terminated is not None and facts.terminated < effective
        return replace(facts, active=facts.active and not left)

    def touched(self, name: str, start: datetime, end: datetime, *, entered: datetime) -> bool:
        """Tell whether the transaction log names the worker in a window."""
        for each in self.events:
            if each.entered > entered:
                continue
            if name == "Updated":
                moments = [at for at in (each.entered, each.rescinded) if at is not None and at <= entered]
            else:
                # Effective moments are midnights where the integration user's clock is: US Pacific time.
                moments = [
                    datetime.combine(each.effective, datetime.min.time(), tzinfo=start.tzinfo) + timedelta(hours=8)
                ]
            if any(start <= at <= end for at in moments):
                return True
        return False


@dataclass(slots=True, kw_only=True)
class Organization:
    """A supervisory organization, or one of another type."""

    wid: str
    name: str
    superior: str = ""
    manager: str = ""
    type: str = "SUPERVISORY"
    inactive: bool = False


@dataclass(slots=True, kw_only=True)
class Store:
    """A tenant's workers and organizations; `now` is its clock."""

    now: datetime
    workers: dict[str, Worker] = field(default_factory=dict)
    organizations: dict[str, Organization] = field(default_factory=dict)

    def pass_time(self, **much: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(**much)

    def organization(self, name: str, *, superior: str = "", manager: str = "", type_: str = "SUPERVISORY") -> str:
        """Add an organization and return its WID."""
        wid = _wid(f"organization {name}")
        self.organizations[wid] = Organization(wid=wid, name=name, superior=superior, manager=manager, type=type_)
        return wid

    def hire(
        self, number: str, on: date = _START, *, contingent: bool = False, universal: str = "", **said: Any
    ) -> str:
        """Enter a hire or a contract, effective on a day, and return the new record's WID."""
        wid = _wid(f"worker {number} {contingent} {on}")
        worker = Worker(wid=wid, number=number, contingent=contingent, universal=universal or f"U-{number}")
        changes = {"first": "Contoh", "last": number, "active": True, "hire": on, **said}
        worker.events.append(Event(entered=self.now, effective=on, changes=changes))
        self.workers[wid] = worker
        return wid

    def change(self, wid: str, on: date | None = None, **changes: Any) -> Event:
        """Enter a change, effective on a day: today, in the past or in the future."""
        event = Event(entered=self.now, effective=on or self.now.date(), changes=changes)
        self.workers[wid].events.append(event)
        return event

    def terminate(self, wid: str, on: date) -> Event:
        """Enter that somebody's last day is a day."""
        return self.change(wid, on, terminated=on)

    def rescind(self, event: Event) -> None:
        """Take a transaction back."""
        event.rescinded = self.now

    def rescind_hire(self, wid: str, *, vanish: bool) -> None:
        """Take a hire back: the record vanishes, or stays with a flag."""
        worker = self.workers[wid]
        worker.events[0].rescinded = self.now
        if vanish:
            worker.vanished = self.now

    def chain(self, organization: str) -> Iterator[Organization]:
        """Yield an organization and those above it, from the top on."""
        above: list[Organization] = []
        while organization in self.organizations and len(above) < 50:
            above.append(self.organizations[organization])
            organization = above[-1].superior
        yield from reversed(above)


def _wid(name: str) -> str:
    return blake2b(name.encode(), digest_size=16).hexdigest()
