"""How it is told who sees whom, and what the plan would change about it. It prints; it computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncd.cli.telling.words import NOTHING, count
from syncd.engine.rights_report import Followed, OfContact, OfPerson, OfUnit, Overview, Shown, Sight, Whole

if TYPE_CHECKING:
    from syncd.cli.render import Output

FEW: Final = 12
_NOTE: Final = (
    "Administrators see everything and are left out. What the target does not document is taken to show more, not less."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How much is said."""

    most: int | None = FEW
    """How many names stand in one line; None for all."""

    @classmethod
    def of(cls, *, everything: bool) -> Manner:
        return cls(most=None if everything else FEW)


def tell(out: Output, found: OfPerson | OfContact | OfUnit | Overview, manner: Manner) -> None:
    """Print what was found."""
    match found:
        case OfContact():
            _tell_contact(out, found, manner)
        case OfPerson():
            _tell_person(out, found, manner)
        case OfUnit():
            _tell_unit(out, found, manner)
        case Overview():
            _tell_overview(out, found)
            _tell_contacts(out, found, manner)
    if not found.differs:
        out.say("\nWhat is planned changes nothing of this.", style="dim")
    out.say(_NOTE, style="dim")


def _tell_overview(out: Output, found: Overview) -> None:
    out.say(_whole(found.now))
    if found.then != found.now:
        out.say(f"Once the plan is written: {_whole(found.then)}", style="yellow")
    if not found.departments:
        out.say("No department is hidden or closed to its members.")
        return
    out.say()
    rows = [row for one in found.departments for row in _rows(one)]
    out.table(("", "Department", "Set to", "#Seen by", "#Members", "#Each sees at most"), rows)


def _whole(one: Whole) -> str:
    parts = [f"{count(one.people, 'person', 'people')} in {count(one.departments, 'department')}"]
    parts.append(f"{count(one.restricted, 'person sees', 'people see')} only a part")
    parts.append(f"{count(one.numbers_hidden, 'number is', 'numbers are')} hidden")
    parts.append(f"{count(one.seniors, 'person', 'people')} in senior mode")
    if one.contacts:
        parts.append(count(one.contacts, "external contact"))
    return ", ".join(parts) + "."


def _rows(one: OfUnit) -> list[tuple[object, ...]]:
    if one.now is None or one.then is None:
        at, sign = (one.now, "-") if one.then is None else (one.then, "+")
        return [(sign, one.label, *_cells(at))]
    if not one.differs:
        return [("", one.label, *_cells(one.now))]
    return [("-", one.label, *_cells(one.now)), ("+", one.label, *_cells(one.then))]


def _cells(at: Shown | Sight | None) -> tuple[str, str, str, str]:
    if not isinstance(at, Shown):
        return NOTHING, NOTHING, NOTHING, NOTHING
    return _set_to(at), f"{at.seen_by:,} of {at.of:,}", f"{at.members:,}", f"{at.members_see:,}"


def _set_to(at: Shown) -> str:
    return ", ".join(word for word, holds in (("hidden", at.hidden), ("outer", at.outer)) if holds) or "shown to all"


def _tell_unit(out: Output, found: OfUnit, manner: Manner) -> None:
    out.say(found.label, style="bold")
    out.table(
        ("", "Set to", "#Seen by", "#Members", "#Each sees at most"), [(w, *_cells(at)) for w, at in _moments(found)]
    )
    _names(out, "Seen by", found.viewers, manner)
    _names(out, "With the plan also by", found.more, manner, style="yellow")
    _names(out, "With the plan no more by", found.less, manner, style="yellow")


def _tell_person(out: Output, found: OfPerson, manner: Manner) -> None:
    out.say(found.label, style="bold")
    rows = [(word, *_sight_cells(at)) for word, at in _moments(found)]
    out.table(("", "Sees", "Seen by", "Only a part", "Number", "Senior mode"), rows)
    at = found.now or found.then
    if at is not None:
        _names(out, "Departments that they do not see", at.unseen, manner)
    _names(out, "External contacts that they see", found.contacts, manner)
    for title, names in (
        ("With the plan they see also", found.sees_more),
        ("With the plan they see no more", found.sees_less),
        ("With the plan they are seen also by", found.seen_by_more),
        ("With the plan they are seen no more by", found.seen_by_less),
        ("With the plan they see also these external contacts", found.contacts_more),
        ("With the plan they see these external contacts no more", found.contacts_less),
    ):
        _names(out, title, names, manner, style="yellow")


def _tell_contacts(out: Output, found: Overview, manner: Manner) -> None:
    """Print the external contacts whom others will see than now; there may be hundreds."""
    if not found.contacts:
        return
    shown = found.contacts if manner.most is None else found.contacts[: manner.most]
    out.say()
    out.table(("", "External contact", *_CONTACT), [row for one in shown for row in _contact_rows(one)])
    if len(shown) < len(found.contacts):
        out.say(f"… and {len(found.contacts) - len(shown):,} more; --all names everyone", style="yellow")


def _contact_rows(one: OfContact) -> list[tuple[object, ...]]:
    moments = (("-", one.now), ("+", one.then))
    return [(sign, one.label, *_contact_cells(at)) for sign, at in moments if at is not None]


_CONTACT: Final = ("Followed by", "Shared with", "#Seen by")


def _tell_contact(out: Output, found: OfContact, manner: Manner) -> None:
    out.say(f"{found.label}, an external contact: sees nobody", style="bold")
    moments = [("now", found.now)] if found.now == found.then else [("now", found.now), ("with the plan", found.then)]
    out.table(("", *_CONTACT), [(word, *_contact_cells(at)) for word, at in moments])
    _names(out, "Seen by", found.viewers, manner)
    _names(out, "With the plan also by", found.more, manner, style="yellow")
    _names(out, "With the plan no more by", found.less, manner, style="yellow")


def _contact_cells(at: Followed | None) -> tuple[str, str, str]:
    if at is None:
        return (NOTHING,) * 3
    shared = ", ".join((*at.units, *at.people))
    return at.follower or NOTHING, shared or NOTHING, f"{at.seen_by:,} of {at.of:,}"


def _moments(found: OfPerson | OfUnit) -> list[tuple[str, Shown | Sight | None]]:
    both: list[tuple[str, Shown | Sight | None]] = [("now", found.now)]
    return both if found.now == found.then else [*both, ("with the plan", found.then)]


def _sight_cells(at: Shown | Sight | None) -> tuple[str, ...]:
    if not isinstance(at, Sight):
        return (NOTHING,) * 5
    return (
        f"{at.sees:,} of {at.of:,}",
        f"{at.seen_by:,} of {at.of:,}",
        "yes" if at.restricted else "no",
        "hidden" if at.number_hidden else "shown",
        "yes" if at.senior else "no",
    )


def _names(out: Output, title: str, names: Sequence[str], manner: Manner, *, style: str = "") -> None:
    if not names:
        return
    shown = names[: manner.most] if manner.most is not None else names
    more = f" … and {len(names) - len(shown):,} more; --all names everyone" if len(shown) < len(names) else ""
    out.say(f"{title}: {', '.join(shown)}{more}", style=style)
