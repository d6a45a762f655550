"""Whether the account may write what rules write back: Active Directory says it, others do not. Writes nothing. Blocking."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import Kind
from syncd.core.ports import Standing, Verdict
from syncd_active_directory import messages_writing as messages
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.names import plain
from syncd_active_directory.place import Place
from syncd_active_directory.wire import Wire

_EFFECTIVE: Final = "allowedAttributesEffective"
"""The attributes of an object that whoever asks may write ([MS-ADTS] 3.1.1.4.5.22)."""
_SAMPLE: Final = 20
_DOING: Final = "asking what may be written"


def check_writing(wire: Wire, place: Place, returned: Collection[str]) -> Iterator[Verdict]:
    """Yield one verdict, where something is written back."""
    if not returned:
        return
    name, wanted = "write back", ", ".join(sorted(returned))
    if place.dialect.name is not DialectName.ACTIVE_DIRECTORY:
        problem = messages.RIGHTS_UNKNOWN.at(title=place.dialect.title)
        yield Verdict(name=name, standing=Standing.WARNING, seen=f"{wanted}: not known", problem=problem)
        return
    try:
        asked, lacking = _asked(wire, place, returned)
    except (NeedsHuman, TryAgain) as error:
        yield Verdict(name=name, standing=Standing.FAILED, seen=error.problem.what, problem=error.problem)
        return
    if lacking:
        problem = messages.FORBIDDEN.at(attributes=", ".join(sorted(lacking)))
        yield Verdict(name=name, standing=Standing.FAILED, seen=f"tried with {asked} people", problem=problem)
    else:
        yield Verdict(
            name=name, standing=Standing.OK, seen=f"{wanted}: may be written, of {asked} people who were looked at"
        )


def _asked(wire: Wire, place: Place, returned: Collection[str]) -> tuple[int, set[str]]:
    """Return how many people were looked at, and what may not be written of one of them."""
    asked, lacking = 0, set[str]()
    for search in place.of(Kind.PERSON):
        for page in wire.pages(base=search.base, filter_=search.filter, wanted=["1.1"], doing=_DOING):
            for entry in page.entries[:_SAMPLE]:
                shown = wire.entry(plain(entry.dn), [_EFFECTIVE], doing=_DOING)
                values = shown.attributes.values() if shown is not None else ()
                may = {one.decode(errors="replace").lower() for some in values for one in some}
                lacking |= {name for name in returned if name.lower() not in may}
                asked += 1
            break
    return asked, lacking
