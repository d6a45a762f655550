"""The queue's SQL, built once. Asks nothing itself.

Conditions on `state` are literal text, not parameters: they are the very words of the partial indexes, and only so are those
used. `waits_for` is a note, not the truth: it spares a blocked change from being looked at again until something about the
subject that it waits for has changed. The truth is `BLOCKER`, asked when a change is about to be claimed.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
    union,
    update,
)

from syncd.core.model import Kind
from syncd.store.queue_bodies import LOOK, OBJECT
from syncd.store.rows import QueueState
from syncd.store.statements import Many, among
from syncd.store.tables import change_waits, changes

C: Final = changes
_W: Final = change_waits
_LIVE: Final = "IN ('ready', 'running', 'pending', 'parked')"
_WAITING: Final = "IN ('ready', 'pending', 'parked')"
_CLAIMABLE: Final = "state IN ('ready', 'pending') AND waits_for IS NULL"


def _is(alias: str, states: str) -> ColumnElement[bool]:
    # Without a type: a Boolean one is written `… = 1` for SQLite, which no partial index fits.
    return literal_column(f"{alias}.state {states}")


# --- what stands before a change ------------------------------------------------------------------------------------
# Only what comes earlier in the order of service (rank, then number) can block. That order is total, so nothing can wait
# in a circle: not a department for its leader and the leader for the department, nor two plans for each other.

_O: Final = changes.alias("o")
_EARLIER: Final = or_(_O.c.rank < C.c.rank, and_(_O.c.rank == C.c.rank, _O.c.number < C.c.number))
_OWN: Final = select(_O.c.subject).where(
    _O.c.subject == C.c.subject,
    _O.c.number != C.c.number,
    _is("o", _LIVE),
    # A look does not wait for what somebody has to see to: it may show that there is nothing to see to.
    or_(_is("o", "= 'running'"), and_(_O.c.number < C.c.number, or_(C.c.sort != LOOK, _is("o", "<> 'parked'")))),
)


def _other(condition: ColumnElement[bool], states: str) -> Select[tuple[str]]:
    return (
        select(_W.c.subject)
        .join(_O, _O.c.subject == _W.c.subject)
        .where(_W.c.number == C.c.number, _W.c.subject != C.c.subject, _is("o", _LIVE), _EARLIER)
        .where(condition, _is("o", states))
    )


# What may have been done already is read back, whoever is refused before it: they may want what nobody knows to be held.
_READ_BACK: Final = and_(C.c.again, C.c.sort == OBJECT, _W.c.subject.like(f"{Kind.PERSON}:%"))
_HARD: Final = and_(_W.c.hard, not_(_READ_BACK))
BLOCKER: Final = func.coalesce(
    _OWN.limit(1).correlate(C).scalar_subquery(),
    _other(_HARD, _LIVE).limit(1).correlate(C).scalar_subquery(),
    _other(and_(not_(_HARD), ~_O.c.tried), "<> 'parked'").limit(1).correlate(C).scalar_subquery(),
)
"""The subject that the change waits for; NULL if it can run."""

# --- accept ---------------------------------------------------------------------------------------------------------

ADD: Final = Many(insert(C))
NAMES: Final = tuple(column.name for column in C.c)
ADD_WAITS: Final = Many(insert(_W))
WAITS_NAMES: Final = tuple(column.name for column in _W.c)
WAITING_OF: Final = (
    select(
        *(C.c.number, C.c.id, C.c.subject, C.c.sort, C.c.rank),
        *(C.c.digest, C.c.state, C.c.again, C.c.since, C.c.created_at),
    )
    .where(C.c.subject.in_(bindparam("of_subjects", expanding=True)), text(f"state {_WAITING}"), C.c.sort != LOOK)
    .order_by(C.c.number)
)
ANY_WAITING: Final = select(C.c.number).where(text(f"state {_WAITING}")).limit(1)
WAITING_BODIES: Final = select(C.c.body).where(
    C.c.subject.in_(bindparam("of_subjects", expanding=True)), text(f"state {_WAITING}")
)
_WAITS: Final = select(C.c.number, C.c.id, C.c.subject, C.c.state, C.c.again, case((C.c.again, C.c.body)).label("body"))
_ENDS: Final = _WAITS.where(text("state IN ('ready', 'parked')"), C.c.sort != LOOK)
NOT_RUNNING: Final = _ENDS.order_by(C.c.number)
PARKED_SUBJECTS: Final = select(C.c.subject).where(
    text("state IN ('ready', 'running', 'pending', 'parked')"), C.c.state == "parked"
)
NOT_RUNNING_OF: Final = _ENDS.where(among(C.c.subject))
END: Final = Many(
    update(C)
    .where(C.c.number == bindparam("this"))
    .values(state=bindparam("to"), settled_at=bindparam("at"), waits_for=None)
)
UNHEARD: Final = select(C.c.body).where(C.c.id.in_(bindparam("these", expanding=True)), C.c.again)
LOOKED_AFTER: Final = select(C.c.subject).where(
    C.c.subject.in_(bindparam("of_subjects", expanding=True)), text(f"state {_WAITING}"), C.c.sort == LOOK
)
LET_LOOK_AGAIN: Final = (
    update(C).where(C.c.waits_for.in_(bindparam("of_subjects", expanding=True))).values(waits_for=None)
)

# --- claim ----------------------------------------------------------------------------------------------------------

CANDIDATES: Final = (
    select(C.c.number, BLOCKER.label("blocker"))
    .where(C.c.lane == bindparam("of_lane"), text(_CLAIMABLE), C.c.due_at <= bindparam("now"))
    .order_by(C.c.rank, C.c.number)
    .limit(bindparam("number_of"))
    .with_for_update(skip_locked=True, of=C)
)
NOTE_BLOCKER: Final = Many(update(C).where(C.c.number == bindparam("this")).values(waits_for=bindparam("blocker")))
TAKE: Final = (
    update(C)
    .where(C.c.number.in_(bindparam("these", expanding=True)))
    .values(state=QueueState.RUNNING.value, again=or_(C.c.again, C.c.state == QueueState.PENDING.value), waits_for=None)
    .returning(C)
)
PUT_OFF: Final = (
    update(C)
    .where(C.c.id.in_(bindparam("these", expanding=True)), C.c.state == QueueState.RUNNING.value)
    .values(state=QueueState.READY.value, due_at=bindparam("until"))
)
DUE: Final = select(func.count()).select_from(
    select(C.c.number).where(text(_CLAIMABLE), C.c.due_at <= bindparam("now")).limit(bindparam("number_of")).subquery()
)
NEXT_DUE: Final = select(func.min(C.c.due_at)).where(text(_CLAIMABLE))

# --- settle ---------------------------------------------------------------------------------------------------------

_N: Final = changes.alias("n")
_OVERTAKEN: Final = (
    select(_N.c.number)
    .where(_N.c.subject == C.c.subject, _N.c.batch > C.c.batch, _is("n", _LIVE), _is("n", _WAITING))
    .where(_N.c.sort != LOOK, C.c.sort != LOOK)
    .correlate(C)
    .exists()
)
_TO: Final = bindparam("to", type_=Text)
SETTLE: Final = (
    update(C)
    .where(C.c.id.in_(bindparam("these", expanding=True)), C.c.state == QueueState.RUNNING.value)
    .values(
        state=case(
            (and_(_TO.bool_op("<>")(QueueState.DONE.value), _OVERTAKEN), QueueState.SUPERSEDED.value), else_=_TO
        ),
        attempt=bindparam("attempts"),
        tried=true(),
        again=bindparam("unsure", type_=Boolean),
        due_at=func.coalesce(bindparam("due", type_=C.c.due_at.type), C.c.due_at),
        settled_at=bindparam("at"),
        problem=bindparam("trouble"),
        waits_for=None,
    )
)
_S: Final = changes.alias("s")
PASS_ON_AGAIN: Final = (
    update(C)
    .where(
        C.c.subject == bindparam("subject_of"),
        text(f"state {_WAITING}"),
        C.c.batch > select(_S.c.batch).where(_S.c.id == bindparam("this")).scalar_subquery(),
    )
    .values(again=true(), waits_for=None)
)
# Not in order: SQLite would rather walk through every change there ever was than sort the few that its index finds.
RUNNING_SUBJECTS: Final = select(C.c.subject).where(text("state = 'running'"))
RUNNING: Final = select(C).where(text("state = 'running'"))

# --- by hand --------------------------------------------------------------------------------------------------------

RETRY: Final = (
    update(C)
    .where(C.c.id == bindparam("this"), text(f"state {_WAITING}"))
    .values(
        state=QueueState.READY.value,
        due_at=bindparam("at"),
        attempt=0,
        again=or_(C.c.again, C.c.state == QueueState.PENDING.value),
        waits_for=None,
    )
    .returning(C.c.id)
)
DROP: Final = (
    update(C)
    .where(C.c.id == bindparam("this"), text(f"state {_WAITING}"))
    .values(state=QueueState.DROPPED.value, settled_at=bindparam("at"), waits_for=None)
    .returning(C.c.id, C.c.subject)
)

# --- looking --------------------------------------------------------------------------------------------------------

ONE: Final = select(C).where(C.c.id == bindparam("this"))
STANDING: Final = (
    select(C)
    .where(C.c.state.in_(bindparam("states", expanding=True)))
    .order_by(C.c.lane, C.c.rank, C.c.number)
    .limit(bindparam("number_of"))
)
FOR_SUBJECT: Final = (
    select(C).where(C.c.subject == bindparam("subject_of")).order_by(C.c.number.desc()).limit(bindparam("number_of"))
)
COUNTS: Final = (
    select(C.c.state, func.count(), func.sum(case((C.c.due_at <= bindparam("now"), 1), else_=0)))
    .where(text(f"state {_LIVE}"))
    .group_by(C.c.state)
)
_P: Final = changes.alias("p")
_PARKED: Final = and_(_is("p", _LIVE), _is("p", "= 'parked'"))
_CAN_WAIT: Final = C.c.state.in_([QueueState.READY.value, QueueState.PENDING.value])
_BEHIND: Final = or_(_P.c.rank < C.c.rank, and_(_P.c.rank == C.c.rank, _P.c.number < C.c.number))
BLOCKED: Final = union(
    select(C.c.number, _P.c.number.label("by"))
    .select_from(C)
    .join(_W, and_(_W.c.number == C.c.number, _HARD, _W.c.subject != C.c.subject))
    .join(_P, and_(_P.c.subject == _W.c.subject, _PARKED, _BEHIND))
    .where(_CAN_WAIT),
    select(C.c.number, _P.c.number.label("by"))
    .select_from(C)
    .join(_P, and_(_P.c.subject == C.c.subject, _PARKED, _P.c.number < C.c.number))
    .where(_CAN_WAIT),
).subquery("blocked")
COUNT_BLOCKED: Final = select(func.count(BLOCKED.c.number.distinct()))
_BY: Final = changes.alias("b")
LIST_BLOCKED: Final = (
    select(C.c.id, C.c.subject, C.c.body, _BY.c.id, _BY.c.subject, _BY.c.body)
    .select_from(C)
    .join(BLOCKED, BLOCKED.c.number == C.c.number)
    .join(_BY, _BY.c.number == BLOCKED.c.by)
    .order_by(C.c.lane, C.c.rank, C.c.number, _BY.c.number)
    .limit(bindparam("number_of"))
)

_STANDS: Final = or_(C.c.tried, C.c.state.not_in([QueueState.SUPERSEDED.value, QueueState.DROPPED.value]))
_IN_WINDOW: Final = (
    select(C.c.counted, func.count(C.c.subject.distinct()).label("subjects"))
    .where(text("counted <> 0"), C.c.created_at >= bindparam("from_"), _STANDS)
    .group_by(C.c.counted)
)
WINDOW: Final = _IN_WINDOW
WINDOW_OF: Final = _IN_WINDOW.where(among(C.c.subject))
WINDOW_BODIES: Final = (
    select(C.c.subject, C.c.state, C.c.body)
    .where(text("counted <> 0"), C.c.created_at >= bindparam("from_"), _STANDS)
    .where(C.c.counted.bitwise_and(bindparam("bits", type_=Integer)) != 0)
)
DELAYS: Final = (
    select(C.c.settled_at, func.coalesce(C.c.since, C.c.created_at))
    .where(text("state = 'done'"))
    .order_by(C.c.settled_at.desc())
    .limit(bindparam("number_of"))
)
BEING_MADE: Final = select(C.c.subject).where(
    text(f"state {_LIVE}"), C.c.sort.in_(["object", "adopt"]), among(C.c.subject)
)
OPEN_OF: Final = select(C.c.subject).where(text(f"state {_LIVE}"), among(C.c.subject))
WAITING_FOR: Final = (
    select(C.c.body).join(_W, _W.c.number == C.c.number).where(_is("changes", _LIVE), among(_W.c.subject))
)

# --- tidying --------------------------------------------------------------------------------------------------------

_OVER: Final = and_(
    C.c.state.in_([QueueState.DONE.value, QueueState.SUPERSEDED.value, QueueState.DROPPED.value]),
    C.c.settled_at < bindparam("before"),
)
TIDY: Final = delete(C).where(_OVER)
TIDY_WAITS: Final = delete(_W).where(_W.c.number.not_in(select(C.c.number)))
