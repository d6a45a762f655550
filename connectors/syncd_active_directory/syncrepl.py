"""Learns who changed by RFC 4533, refreshOnly: OpenLDAP's syncprov and 389 Directory Server's content synchronization.

The mark is the server's cookie, one for each base. A delta does not pass on what the server calls deleted: slapd says the same of
somebody who changed and is hidden from our account now (seen with 2.5.13), and its overlays rewrite others without a word. So a
deletion starts the read over, and the read proves who is gone. It reads no attribute but class and id, and stores nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from syncd.core.errors import NeedsHuman, Problem, TryAgain, foreign
from syncd.core.model import Kind
from syncd_active_directory import messages_ldap as messages
from syncd_active_directory.dialects import DialectName
from syncd_active_directory.entry import Malformed, RawEntry
from syncd_active_directory.neighbours import (
    GROUPS,
    MOST,
    PERSONS,
    REGROUPED,
    UNITS,
    Changed,
    changed,
    found,
    neighbours,
    wanted,
)
from syncd_active_directory.place import Place
from syncd_active_directory.sync_values import DELETE, PRESENT, finished, informed, request, stated
from syncd_active_directory.ways import BEHIND, Mark, Told, Way
from syncd_active_directory.wire import Answer, Wire

CONTROL: Final = "1.3.6.1.4.1.4203.1.9.1.1"
_STATE: Final = "1.3.6.1.4.1.4203.1.9.1.2"
_DONE: Final = "1.3.6.1.4.1.4203.1.9.1.3"
_INFO: Final = "1.3.6.1.4.1.4203.1.9.1.4"
_EVERYTHING: Final = "(objectClass=*)"
_AGAIN: Final = "since the last but one: "
"""Before a base's name in the mark: from where it is told once more."""
_NOTHING: Final = "(!(objectClass=*))"
"""Every object has a class, so that nobody is found: the answer is a fresh cookie and nothing else."""
_CSN: Final = r"\d{14}\.\d{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}"
_OPENLDAP_COOKIE: Final = re.compile(rf"rid=\d{{3}}(,sid=[0-9a-f]{{3}})?,csn={_CSN}(;{_CSN})*")
"""slapd takes a cookie that it cannot read for none, and then tells everybody as if new (seen): so we read it first."""
_REFRESH_REQUIRED: Final = 4096  # e-syncRefreshRequired, RFC 4533 §2.6
_UNWILLING: Final = 53  # slapd: “consumer state is newer than provider!”
_WHY: Final = {
    0: "",
    3: "the server's time limit was reached while it told what changed",
    4: "more changed than the server's size limit lets it tell",
    11: "the server's limits let it not tell what changed",
    12: "the server does not tell any more what changed",
    32: "the base is not there",
    _REFRESH_REQUIRED: "the server does not remember that far back",
    _UNWILLING: "the server is behind the last read: it was restored, or is another one that lags",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What one base's answer says."""

    cookie: str
    changed: tuple[Changed, ...] = ()
    gone: frozenset[str] = frozenset()
    over: str = ""
    behind: bool = False


class SyncRepl:
    """`syncd_active_directory.ways.Telling` by RFC 4533."""

    way: ClassVar[Way] = Way.SYNCREPL
    tells_members: ClassVar[bool] = False
    tells_deletions: ClassVar[bool] = True

    def __init__(self, wire: Wire, place: Place) -> None:
        self._wire = wire
        self._place = place
        self._twice = True
        self._behind = False

    def refused(self) -> Problem | None:
        """Ask for a cookie, which costs nothing; None if the account gets one for each base."""
        if CONTROL.encode() not in self._place.root.get("supportedcontrol", ()):
            return messages.NO_SYNC.at(server=self._wire.address)
        try:
            self.mark()
        except (NeedsHuman, TryAgain) as error:
            return error.problem
        return None

    def mark(self, last: Mark | None = None) -> Mark:  # noqa: ARG002
        """Return a fresh cookie for each base, asked for with a filter that finds nobody."""
        return {base: self._fresh(base) for base in self._place.bases}

    def since(self, mark: Mark) -> Told:
        """Tell who changed, and who is touched by that; `inexact` if anybody is gone, `over` if the server cannot tell.

        What changed is told twice, in this read and in the next one: OpenLDAP's overlay refint rewrites others some time after a
        rename or deletion, in the background, and these are found only once that is done.
        """
        heard = {base: self._heard(base, self._from(mark, base)) for base in self._place.bases}
        self._twice = False
        new: dict[str, str | int] = {base: each.cookie for base, each in heard.items()}
        new |= {_AGAIN + base: mark[base] for base, each in heard.items() if base in mark and each.cookie != mark[base]}
        self._behind = self._behind or any(each.behind for each in heard.values())
        told = Told(mark=new, facts=(BEHIND,) if self._behind else ())
        if over := next((each.over for each in heard.values() if each.over), ""):
            return replace(told, over=over)
        those = [each for one in heard.values() for each in one.changed]
        claimed = frozenset[str]().union(*(each.gone for each in heard.values()))
        touched: frozenset[str] | None = None
        if len(those) + len(claimed) <= MOST:
            # Called gone, and to be seen: it was moved out of the base, or never was in it. (A session log in memory does not
            # know where objects stood, and so calls whoever changed outside of the base deleted; seen with 2.5.13.)
            there = list(found(self._wire, self._place, sorted(claimed)))
            those += there
            claimed -= {each.identity for each in there}
            touched = neighbours(self._wire, self._place, those)
        if touched is None:
            return replace(told, over=f"more than {MOST} objects changed: reading everything costs less")
        return replace(
            told,
            changed=(touched | {each.identity for each in those}) - claimed,
            gone=claimed,
            persons=self._are_persons(those, touched),
            inexact=f"{len(claimed)} objects are deleted, or hidden from the account now" if claimed else "",
            regrouped=REGROUPED if any(each.classes & GROUPS for each in those) else "",
        )

    def _are_persons(self, those: Sequence[Changed], touched: frozenset[str]) -> bool:
        """Tell whether all of these are people by a structural class, of which an object has one chain only (RFC 4512 §2.4),
        and so none is what the dialect calls a unit. Units by a filter of one's own may be anything."""
        if not touched <= {each.identity for each in those} or not self._place.has_usual(Kind.UNIT):
            return False
        return all(each.classes & PERSONS and not each.classes & UNITS for each in those)

    def _from(self, mark: Mark, base: str) -> str:
        """Return the cookie from which on is told: by the first call on a connection, what the last read was told once more."""
        again = mark.get(_AGAIN + base) if self._twice else None
        return str(again or mark.get(base, ""))

    def _fresh(self, base: str) -> str:
        answer = self._ask(base, filter_=_NOTHING, cookie="")
        # 389 Directory Server writes the filter into the cookie and compares it (seen with 2.3.1); slapd does not.
        cookie = _text(finished(answer.controls.get(_DONE) or b"0\0").cookie).replace(_NOTHING, _EVERYTHING)
        if answer.code or not self._is_cookie(cookie):
            reason = foreign(f"{answer.code} {answer.text}") if answer.code else "it gives no cookie"
            raise NeedsHuman(messages.SYNC_REFUSED.at(server=self._wire.address, base=base, reason=reason))
        return cookie

    def _heard(self, base: str, cookie: str) -> _Heard:
        if not self._is_cookie(cookie):
            return _Heard(cookie=cookie, over="the cookie is not one of this server")
        answer = self._ask(base, filter_=_EVERYTHING, cookie=cookie)
        if answer.code not in _WHY:
            raise self._wire.refused(answer, base=base, doing="asking who changed")
        if answer.code:
            return _Heard(cookie=cookie, over=_WHY[answer.code], behind=answer.code == _UNWILLING)
        try:
            return self._understood(answer, cookie)
        except Malformed:
            return _Heard(cookie=cookie, over="the server's answer is not as RFC 4533 has it")

    def _understood(self, answer: Answer, cookie: str) -> _Heard:
        states = [(stated(entry.controls.get(_STATE) or b""), entry) for entry in answer.entries]
        told = [each for oid, value in answer.informed if oid == _INFO and (each := informed(value)) is not None]
        done = finished(answer.controls.get(_DONE) or b"0\0")
        # Without a new cookie nothing happened since the old one.
        new = _text(done.cookie) or cookie
        # 389 Directory Server leaves refreshDeletes out, and yet names who is deleted, or else says e-syncRefreshRequired.
        deletes = done.deletes or self._place.dialect.name is DialectName.DS389
        present = not deletes or any(not each.deleted for each in told)
        if present or any(state.state == PRESENT for state, _ in states) or not self._is_cookie(new):
            return _Heard(
                cookie=cookie, over="the server does not remember that far back, and names who is present instead"
            )
        named = [state.identity for state, _ in states if state.state == DELETE]
        gone = frozenset(map(self._id, named)).union(*(map(self._id, each.identities) for each in told))
        those = tuple(self._changed(state.identity, entry) for state, entry in states if state.state != DELETE)
        if any(not each.identity for each in those):
            return _Heard(cookie=cookie, over="the server does not show who changed")
        return _Heard(cookie=new, changed=those, gone=gone)

    def _changed(self, uuid: str, entry: RawEntry) -> Changed:
        # 389 Directory Server sends all attributes but the one that it is asked for, nsUniqueId (seen with 2.3.1).
        one = changed(entry, self._place)
        return one if one.identity or not self._is_usual else replace(one, identity=self._id(uuid))

    @property
    def _is_usual(self) -> bool:
        return self._place.dialect.identity.attribute.lower() in ("entryuuid", "nsuniqueid")

    def _id(self, uuid: str) -> str:
        """Return the id as the server's attribute has it: nsUniqueId groups the same digits by eight."""
        if self._place.dialect.identity.attribute.lower() != "nsuniqueid":
            return uuid
        digits = uuid.replace("-", "")
        return "-".join(digits[at : at + 8] for at in range(0, 32, 8))

    def _ask(self, base: str, *, filter_: str, cookie: str) -> Answer:
        return self._wire.answer(
            base=base,
            filter_=filter_,
            wanted=wanted(self._place),
            control=(CONTROL, True, request(cookie.encode("latin-1"))),
            # One more than is of use: then the server says that it stopped.
            most=MOST + 1,
            doing="asking who changed",
        )

    def _is_cookie(self, cookie: str) -> bool:
        if self._place.dialect.name is DialectName.OPENLDAP:
            return _OPENLDAP_COOKIE.fullmatch(cookie) is not None
        return bool(cookie)


def _text(cookie: bytes) -> str:
    return cookie.decode("latin-1")
