"""What the guard holds back, and who let it go. Never judges."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select, update

from syncd.core.model import Effect, RunId
from syncd.store import codec, tables
from syncd.store.columns import from_micros, maybe_from_micros, maybe_micros, micros
from syncd.store.rows import HoldRow, HoldState
from syncd.store.statements import Answer, Upsert

_T: Final = tables.holds
_PUT: Final = Upsert(_T, key=["id"])
_ONE: Final = select(_T).where(_T.c.id == bindparam("one"))
_LAST: Final = select(_T).order_by(_T.c.created_at.desc(), _T.c.id.desc()).limit(bindparam("number"))
_OPEN: Final = select(_T).where(_T.c.state == HoldState.OPEN.value).order_by(_T.c.created_at, _T.c.id)
_MATCHING: Final = (
    select(_T)
    .where(
        _T.c.state == HoldState.RELEASED.value,
        _T.c.effect == bindparam("of_effect"),
        _T.c.fingerprint == bindparam("print"),
        _T.c.expires_at > bindparam("now"),
    )
    .order_by(_T.c.released_at.desc())
    .limit(1)
)
_TIDY: Final = delete(_T).where(_T.c.expires_at < bindparam("before"))
_CLOSE: Final = update(_T).where(_T.c.id == bindparam("one"), _T.c.state == HoldState.OPEN.value)


class Holds:
    """Holds, by id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, row: HoldRow) -> None:
        """Insert or replace."""
        fields = {
            "id": row.id,
            "run_id": row.run_id,
            "effect": row.effect,
            "fingerprint": row.fingerprint,
            "state": row.state,
            "created_at": micros(row.created_at),
            "expires_at": micros(row.expires_at),
            "count": row.count,
            "reasons": codec.encode(row.reasons),
            "names": codec.encode(row.names),
            "released_by": row.released_by,
            "released_at": maybe_micros(row.released_at),
            "reason": row.reason,
        }
        _PUT.run(self._connection, [fields])

    def open(self) -> list[HoldRow]:
        """Return the open holds, oldest first; those whose time is over too, until `expire` is called."""
        return [_hold(row) for row in self._connection.execute(_OPEN)]

    def get(self, hold_id: str) -> HoldRow | None:
        """Return one."""
        row = self._connection.execute(_ONE, {"one": hold_id}).first()
        return None if row is None else _hold(row)

    def last(self, number: int = 20) -> list[HoldRow]:
        """Return the latest holds, newest first."""
        return [_hold(row) for row in self._connection.execute(_LAST, {"number": number})]

    def release(self, hold_id: str, *, by: str, at: datetime, reason: str) -> HoldRow | None:
        """Release an open, unexpired hold; None if there is none."""
        hold = self.get(hold_id)
        if hold is None or hold.expires_at <= at:
            return None
        return self._close(hold_id, HoldState.RELEASED, by=by, at=at, reason=reason)

    def drop(self, hold_id: str, *, by: str, at: datetime, reason: str) -> HoldRow | None:
        """Drop an open hold; None if there is none."""
        return self._close(hold_id, HoldState.DROPPED, by=by, at=at, reason=reason)

    def matching(self, effect: Effect, fingerprint: str, *, now: datetime) -> HoldRow | None:
        """Return the released, unexpired hold of exactly this effect and fingerprint."""
        fields = {"of_effect": effect, "print": fingerprint, "now": micros(now)}
        row = self._connection.execute(_MATCHING, fields).first()
        return None if row is None else _hold(row)

    def expire(self, now: datetime) -> list[HoldRow]:
        """Expire open holds whose time is over; returns them."""
        over = [hold.id for hold in self.open() if hold.expires_at <= now]
        closed = [self._close(one, HoldState.EXPIRED, by="", at=None, reason="") for one in over]
        return [hold for hold in closed if hold is not None]

    def tidy(self, *, before: datetime) -> int:
        """Forget the holds whose time was over by then, however they ended; returns how many. The audit log tells of them."""
        return self._connection.execute(_TIDY, {"before": micros(before)}).rowcount

    def _close(self, hold_id: str, state: HoldState, *, by: str, at: datetime | None, reason: str) -> HoldRow | None:
        fields = {"state": state, "released_by": by, "released_at": maybe_micros(at), "reason": reason}
        changed = self._connection.execute(_CLOSE, {"one": hold_id, **fields}).rowcount
        return self.get(hold_id) if changed else None


def _hold(row: Answer) -> HoldRow:
    return HoldRow(
        id=row.id,
        run_id=RunId(row.run_id),
        effect=Effect(row.effect),
        fingerprint=row.fingerprint,
        reasons=codec.decode_texts(row.reasons),
        count=row._mapping["count"],  # Row.count is tuple.count
        names=codec.decode_texts(row.names),
        created_at=from_micros(row.created_at),
        expires_at=from_micros(row.expires_at),
        state=HoldState(row.state),
        released_by=row.released_by,
        released_at=maybe_from_micros(row.released_at),
        reason=row.reason,
    )
