"""How it is told what the clock will bring: by day, with whoever it concerns and where it comes from. It only prints."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncd.cli.telling.words import count, relative, some, where
from syncd.core.calendar import zone_of
from syncd.engine.forecast import Coming, Expected, Forecast

if TYPE_CHECKING:
    from syncd.cli.render import Output
    from syncd.engine.world import LeaverTerms


def tell(out: Output, found: Forecast, *, leavers: LeaverTerms, base: Path | None) -> None:
    """Print everything that is expected."""
    zone = zone_of({}, found.timezone)

    def heading(one: Expected) -> str:
        return _day(one.at, found.now, zone)

    for day, some_ in groupby(found.expected, key=heading):
        out.say(day, style="bold")
        for one in some_:
            out.say(f"  {one.at.astimezone(zone):%H:%M}  {one.label}: {_told(one)}")
            if then := _then(one, leavers):
                out.say(f"         {then}")
            if because := _because(one, base):
                out.say(f"         {because}", style="dim")
        out.say()
    until = f"{found.until.astimezone(zone):%Y-%m-%d %H:%M}"
    if not found.expected:
        out.say(f"Nothing that is known happens by itself until {until}.")
    out.say(f"Until {until}; days and times are those of {zone.key} (`leavers.timezone`).", style="dim")
    reads = ", ".join(f"{name} {relative(at, found.now) if at else 'never'}" for name, at in found.read_at.items())
    out.say(f"As the sources were read last: {reads}.", style="dim")
    if found.unsettled:
        out.say(
            f"{_differing(found.unsettled)} from the target now; `syncd plan` shows what is to be written.", style="dim"
        )


def _differing(number: int) -> str:
    return f"{count(number, 'person, department or role', 'people, departments and roles')} may differ"


def _day(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    if at <= now:
        return "Due: done with the next run"
    day, today = at.astimezone(zone).date(), now.astimezone(zone).date()
    away = (day - today).days
    said = "today" if away == 0 else "tomorrow" if away == 1 else f"in {away} days"
    return f"{day:%Y-%m-%d} {day:%A}, {said}"


def _told(one: Expected) -> str:
    match one.what:
        case Coming.MADE_AHEAD:
            return f"the first day is near ({one.day} in {one.timezone})"
        case Coming.TOLD:
            return f"{some(one.told) or 'nobody'} is told of the first day ({one.day} in {one.timezone})"
        case Coming.FIRST_DAY:
            return f"the first day begins ({one.day} in {one.timezone})"
        case Coming.ANOTHER_RECORD:
            return f"{one.source}/{one.record} speaks from here on ({one.day} in {one.timezone})"
        case Coming.LAST_DAY:
            return f"the last working day is over ({one.day} in {one.timezone})"
        case Coming.REMOVAL:
            return f"the grace is over; account {one.account} is removed for good"
        case Coming.RECORD_DATE:
            return f"{one.source} says something else from here on: a date of the record itself"
        case Coming.HOLD_ENDS:
            return "the hold ends, unless it is released before"


def _then(one: Expected, leavers: LeaverTerms) -> str:
    """Return what follows from it; empty where that has been said."""
    match one.what:
        case Coming.MADE_AHEAD:
            return f"{_comes(one)}, out of sight until then"
        case Coming.TOLD:
            return "" if one.told else "nobody above, and nobody who leads the department, has an account in sight"
        case Coming.FIRST_DAY:
            return "; ".join([_first(one), *([f"{some(one.told)} has been told"] if one.told else [])])
        case Coming.ANOTHER_RECORD:
            return f"it changes {some(one.changes) or 'nothing else'}"
        case Coming.LAST_DAY:
            return _last(one, leavers)
        case Coming.HOLD_ENDS:
            return f"`syncd hold show {one.label}`"
        case _:
            return ""


def _comes(one: Expected) -> str:
    """Return that somebody gets an account; whoever is hired again within the grace has one."""
    return "the account is made" if one.account is None else f"account {one.account} leaves the leavers"


def _first(one: Expected) -> str:
    if one.ahead:
        return f"account {one.account} comes into sight" if one.account else "the account is in sight from then on"
    if one.account is not None and not one.hidden:
        return f"account {one.account} is there"
    if one.why:
        held = f"account {one.account} is out of sight" if one.account is not None else "there is no account"
        return f"{held} until the sources say that the person works ({one.why})"
    return (
        f"account {one.account} comes back with the next run" if one.hidden else "the account is made with the next run"
    )


def _last(one: Expected, leavers: LeaverTerms) -> str:
    if one.account is None:
        return "there is no account"
    goes = f"goes out of sight, into {leavers.department}" if leavers.hold else "is removed"
    return "; ".join([f"account {one.account} {goes}", *_handing_over(one, leavers)])


def _handing_over(one: Expected, leavers: LeaverTerms) -> list[str]:
    parts = [count(one.reports, "report")] if one.reports else []
    parts += [count(one.leads, "department")] if one.leads else []
    if not parts:
        return []
    passing = " and ".join(parts)
    if not leavers.hand_over:
        return [f"{passing} wait for the sources to name somebody else"]
    return [
        f"{passing} {'pass' if one.reports + one.leads > 1 else 'passes'} to {one.taker or 'nobody: nobody is above'}"
    ]


def _because(one: Expected, base: Path | None) -> str:
    why = one.why if one.what in (Coming.REMOVAL, Coming.HOLD_ENDS) else ""
    record = f"{one.source}/{one.record}" if one.source is not None else ""
    rule = where(one.rule, base) if one.rule is not None else ""
    return ", ".join(part for part in (why, record, rule) if part)
