"""Whatever is edited on both sides, in whatever order, both come to rest within a few rounds, and stay so."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.write_back_world import WriteBackWorld
from syncd.core.model import Kind, TargetId

RULES = """\
write_back:
  account: userid
  token: unionid
  mobile: {from: mobile, when: drift}
"""
ROUNDS = 6
"""A change in the source, one in the target, one back, and one in which nothing is left to do; two for what was in the way."""
_NUMBERS = st.sampled_from([f"1390000000{digit}" for digit in range(4)])
_PEOPLE = st.sampled_from(["1", "2", "3"])
_EDITS = st.one_of(
    st.tuples(st.just("number in the source"), _PEOPLE, _NUMBERS),
    st.tuples(st.just("number by hand"), _PEOPLE, _NUMBERS),
    st.tuples(st.just("account in the source"), _PEOPLE, st.sampled_from(["", "e1", "somebody"])),
    st.tuples(st.just("a round"), _PEOPLE, st.just("")),
    st.tuples(st.just("a look"), _PEOPLE, st.just("")),
)


def _do(office: WriteBackWorld, what: str, who: str, value: str) -> None:
    match what:
        case "number in the source":
            office.edit(who, mobile=f"{value[:-2]}{who}{value[-1]}")
        case "number by hand":
            office.edit_by_hand(f"e{who}", mobile=f"{value[:-2]}{who}{value[-1]}")
        case "account in the source":
            office.edit(who, account=value or None)
        case "a round":
            office.sync()
            office.wait(minutes=1)
        case _:
            office.sync(fresh=True)
            office.wait(minutes=1)


@settings(max_examples=examples(8))
@given(edits=st.lists(_EDITS, min_size=1, max_size=6))
def test_two_sides_that_write_to_each_other_come_to_rest(edits: list[tuple[str, str, str]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="syncd-back-"))
    try:
        office = WriteBackWorld(folder, RULES)
        office.company(3)
        office.settle(rounds=ROUNDS)
        for edit in edits:
            _do(office, *edit)

        office.settle(rounds=ROUNDS)

        before = office.source.writes.copy()
        for options in ({}, {"fresh": True}, {"again": True}):
            done = office.sync(**options)
            assert not done.reconciliation.plan.changes, done.reconciliation.plan.changes
        assert office.source.writes == before
        for who in "123":
            held, seen = office.record(who), office.target.objects[Kind.PERSON, TargetId(f"e{who}")]
            assert (held["account"], held["token"], held["mobile"]) == (f"e{who}", f"union-e{who}", seen["mobile"])
    finally:
        office.store.close()
        shutil.rmtree(folder, ignore_errors=True)
