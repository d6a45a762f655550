"""What kinds of servers say of themselves that matters for a proof: who they are, how far they are, what the account is.

It compares with what was said at the last read, and says what cannot be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from syncd.core.model import ProofFact
from syncd_active_directory import proof_ldap
from syncd_active_directory.cursor import Cursor
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.directory import first
from syncd_active_directory.names import plain
from syncd_active_directory.place import Place
from syncd_active_directory.reading import Reading
from syncd_active_directory.tombstones import Tombstones

Root = Mapping[str, Sequence[bytes]]
_LAG: Final = 3600
"""Seconds in which a change should have reached every controller; between sites it takes 15 minutes to 3 hours by default, and
who is new since then is looked for by id."""


def rights(root: Root) -> frozenset[str]:
    """Return digests of the groups that the server counts the account in (rootDSE tokenGroups, [MS-ADTS] 3.1.1.3.2.20)."""
    return frozenset(hashlib.blake2b(each, digest_size=6).hexdigest() for each in root.get("tokengroups", ()))


def server_state(place: Place, root: Root, last: Cursor | None = None) -> Mapping[str, int | str]:
    """Return how far the server is, in its own count."""
    if place.dialect.name is not DialectName.ACTIVE_DIRECTORY:
        return proof_ldap.state(place, last)
    usn = first(root, "highestcommittedusn")
    if not usn.isdecimal():
        return {}
    then = last.state.get("usn") if last is not None and last.server == place.server else None
    # A server that went back stays suspect until it is past where it was: what it forgot is not gone ([MS-ADTS] 3.1.1.1.9).
    return {"usn": max(int(usn), then) if isinstance(then, int) else int(usn)}


def since(place: Place, last: Cursor | None, now: int) -> int:
    """Return from when on reads have come from this server, in seconds since 1970."""
    return last.since if last is not None and last.server == place.server else now


def lagged(place: Place, last: Cursor, now: int) -> bool:
    """Tell whether somebody may be known as a server that took over had them before it heard of a change.

    DirSync's cookie says of all controllers how far they were, so that one goes on where another one stopped. But what one has
    told is read again from the other, which may not have heard of it yet; when it has, the cookie says that it was told. Only
    a full read shows it then: one, as soon as the controllers had their time.
    """
    return last.server == place.server and last.seen.at < last.since and now - last.since >= _LAG


def older(place: Place, last: Cursor) -> bool:
    """Tell whether the server, being the same as last time, has gone back behind what it was."""
    if place.dialect.name is not DialectName.ACTIVE_DIRECTORY:
        return bool(proof_ldap.older(place, last))
    then, now = last.state.get("usn"), server_state(place, place.root).get("usn")
    return last.server == place.server and isinstance(then, int) and isinstance(now, int) and now < then


def delta_facts(place: Place, last: Cursor) -> Iterator[ProofFact]:
    """Yield what a delta has to say about the server. Nobody's absence follows from a delta, whatever it says."""
    if place.dialect.name is DialectName.ACTIVE_DIRECTORY:
        same = last.server == place.server
        detail = "yes" if same else f"no: now it is {place.host}; the next full read looks whether it is behind"
        yield ProofFact(name="same server as last time", holds=same, detail=detail)


def server_facts(reading: Reading, after: Root, *, last: Cursor | None, now: int) -> Iterator[ProofFact]:
    """Yield the facts about the server; `after` is its own entry at the end of the read."""
    if reading.place.dialect.name is DialectName.ACTIVE_DIRECTORY:
        yield from _active_directory(reading, after, last=last, now=now)
    else:
        yield from proof_ldap.facts(reading.place, last)


def _active_directory(reading: Reading, after: Root, *, last: Cursor | None, now: int) -> Iterator[ProofFact]:
    place = reading.place
    names = [plain(first(root, "dsservicename")) for root in (place.root, after)]
    usn = [first(root, "highestcommittedusn") for root in (place.root, after)]
    same = names[0] == names[1] != ""
    yield ProofFact(name="one server", holds=same, detail=f"{place.host}, USN {usn[0]} to {usn[1]}")
    synchronized = first(after, "issynchronized").upper()
    detail = {"TRUE": "yes", "FALSE": "no: it is still being filled"}.get(synchronized, "the server does not say")
    yield ProofFact(name="server is in step with the others", holds=synchronized != "FALSE", detail=detail)
    if last is None:
        return
    if last.seen.server != place.server:
        yield _another(reading, last, now=now)
        return
    yield ProofFact(name="same server as last time", holds=True, detail="yes")
    restored = older(place, last)
    detail = f"USN {usn[0]}, {last.state.get('usn')} at the last read"
    detail += ": it was restored from an older state" if restored else ""
    yield ProofFact(name="server is not older than last time", holds=not restored, detail=detail)


def _another(reading: Reading, last: Cursor, *, now: int) -> ProofFact:
    """Say that another server answers. It may lag behind the last one: then who is new there is missing here."""
    name = "same server as last time"
    minutes = (now - since(reading.place, last, now)) // 60
    if last.seen.at and minutes * 60 < _LAG:
        detail = f"no, for {minutes} minutes: this server may not have heard of everything that the other one told"
        return ProofFact(name=name, holds=False, detail=detail)
    missing = set(last.recent) - {each.identity for each in reading.anywhere(last.recent)}
    behind = len(missing - Tombstones(reading.wire, reading.place).known(missing))
    if behind:
        return ProofFact(name=name, holds=False, detail=f"no, and this one is behind: it lacks {behind} who are new")
    return ProofFact(name=name, holds=True, detail=f"no: now it is {reading.place.host}, which is not behind")
