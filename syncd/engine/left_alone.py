"""How it is kept what of a target is left alone: one word of the state, so that a restart, `syncd status` and alerts know of it.

It judges nothing; `syncd.engine.quarantine` writes it, and importing it imports nothing that is heavy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from syncd.core import circuits
from syncd.core.circuits import Circuits, Rest, Terms
from syncd.core.health import Failure
from syncd.core.values import instant, moment

if TYPE_CHECKING:
    from syncd.store import Transaction

KEY: Final = "target.left_alone"


def keep(tx: Transaction, state: Circuits, terms: Terms) -> None:
    """Keep what is left alone; nothing where nothing is."""
    if state.target is None and not state.interfaces:
        tx.meta.drop(KEY)
    else:
        tx.meta.set(KEY, written(state, terms))


def written(state: Circuits, terms: Terms) -> str:
    """Return what `kept` reads."""
    words = {
        "within": terms.within.total_seconds(),
        "target": _written(state.target) if state.target is not None else None,
        "interfaces": {name: _written(rest) for name, rest in state.interfaces.items()},
    }
    return json.dumps(words, ensure_ascii=False, sort_keys=True)


def kept(text: str | None, *, at: datetime | None = None) -> Circuits:
    """Return what is left alone as it was kept, and at `at` still is; nothing where it cannot be read."""
    if text is None:
        return Circuits()
    try:
        found = json.loads(text)
        state = Circuits(
            target=_read(found["target"]) if found["target"] else None,
            interfaces={str(name): _read(rest) for name, rest in found["interfaces"].items()},
        )
        within = timedelta(seconds=found["within"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return Circuits()
    return state if at is None else circuits.forgotten(state, at, Terms(within=within))


def _written(rest: Rest) -> dict[str, Any]:
    times = {"since": instant(rest.since), "until": instant(rest.until), "asked": instant(rest.asked)}
    counts = {"probes": rest.probes, "trust": rest.trust, "works": sorted(rest.works)}
    why = {"times": rest.why.times, "code": rest.why.code, "what": rest.why.what, "do": rest.why.do}
    return {**times, **counts, "why": why}


def _read(found: Mapping[str, Any]) -> Rest:
    since, why = moment(found["since"]), found["why"]
    return Rest(
        since=since,
        until=moment(found["until"]),
        asked=moment(found["asked"]),
        probes=int(found["probes"]),
        trust=int(found["trust"]),
        works=frozenset(map(str, found["works"])),
        why=Failure(since=since, times=why["times"], code=why["code"], what=why["what"], do=why["do"]),
    )
