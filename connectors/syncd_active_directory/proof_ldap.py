"""What OpenLDAP, 389 Directory Server and others say of themselves that matters for a proof: whose database it is, how far it is.

They have no invocation id: a database is known by the ids of the objects at its top, its state by contextCSN where that is shown.
What a server does not show is said to be unknown, and nothing is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from syncd.core.model import ProofFact
from syncd_active_directory.cursor import Cursor
from syncd_active_directory.place import Place

_KEY = "csn "
"""Before a server id in the cursor's state."""


def state(place: Place, last: Cursor | None) -> Mapping[str, int | str]:
    """Return how far each server was that takes changes, and never less than at an earlier read.

    So a server that was restored stays behind, for us, until it has passed by where it was.
    """
    before = last.state if last else {}
    kept = {key: text for key, text in before.items() if key.startswith(_KEY)}
    for key, text in _numbers(place).items():
        kept[key] = max(text, str(kept.get(key, "")))
    return kept


def facts(place: Place, last: Cursor | None) -> Iterator[ProofFact]:
    """Yield the facts about the server, compared with the last read."""
    yield ProofFact(name="one server", holds=True, detail=f"{place.host}, over one connection")
    if last is None:
        return
    same = last.server == place.server
    detail = "yes" if place.server else "the server does not show the ids of its top objects"
    if not same:
        detail = "no: the object at the top is another one; the directory was loaded anew, or this is another directory"
    yield ProofFact(name="same directory as last time", holds=same, detail=detail)
    behind = older(place, last)
    shown = any(key.startswith(_KEY) for key in last.state)
    detail = "no older" if shown else "the server does not show it (contextCSN)"
    if behind:
        detail = f"older, by what server {', '.join(behind)} wrote: it was restored, or it lags behind another one"
    yield ProofFact(name="server is not older than last time", holds=not behind, detail=detail)


def older(place: Place, last: Cursor) -> list[str]:
    """Return the ids of the servers whose changes are not all there that were there at an earlier read."""
    now = _numbers(place)
    then = {key: str(text) for key, text in last.state.items() if key.startswith(_KEY)}
    return sorted(key.removeprefix(_KEY) for key, text in then.items() if now.get(key, "") < text)


def _numbers(place: Place) -> dict[str, str]:
    """Return the change sequence numbers by server id: `20261122013000.123456Z#000000#001#000000` says time, count, id, part."""
    split = [(text, text.split("#")) for text in place.csn]
    return {f"{_KEY}{parts[2]}": text for text, parts in split if len(parts) == 4}
