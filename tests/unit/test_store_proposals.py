"""Proposals as the store keeps them: what is open is what was found last, and what people have decided stays."""

from __future__ import annotations

from dataclasses import replace

from support.stores import NOON, after
from syncd.core.matching import Cause, Pair, Proposal
from syncd.core.model import Kind, NativeId, SourceName, SubjectId
from syncd.store import Store
from syncd.store.proposals import ProposalRow, ProposalState

AD = SourceName("ad")


def proposal(native_id: str = "g1", subject: str = "person:1", digest: bytes = b"d") -> Proposal:
    pair = Pair(source=AD, kind=Kind.PERSON, native_id=NativeId(native_id), subject=SubjectId(subject))
    return Proposal(
        pair=pair, label="Example One", other="Example 1", step="name.formatted", cause=Cause.PROBABLE, digest=digest
    )


def test_what_is_open_is_what_was_found_last_and_who_is_concerned_is_told_once(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.proposals.settle([proposal(), proposal(subject="person:2")], at=NOON) == {"person:1", "person:2"}
        assert tx.proposals.settle([proposal(), proposal(subject="person:2")], at=after(hours=1)) == set()
        assert tx.proposals.open_records() == 1
        assert tx.proposals.settle([proposal(digest=b"other")], at=after(hours=2)) == {"person:2"}
        (row,) = tx.proposals.all(ProposalState.OPEN)
        assert (row.found_at, row.proposal.digest) == (NOON, b"other")
        assert tx.proposals.waiting([SubjectId("person:1"), SubjectId("person:2")]) == {"person:1"}
        assert tx.proposals.settle([], at=NOON) == {"person:1"}
        assert not tx.proposals.any_open()


def test_a_rejection_stays_and_is_found_by_its_record(store: Store) -> None:
    row = ProposalRow(proposal=proposal(), state=ProposalState.OPEN, found_at=NOON)
    with store.transaction() as tx:
        tx.proposals.put([row])
        tx.proposals.put([replace(row, state=ProposalState.REJECTED, decided_at=NOON, by="op", reason="namesakes")])
        tx.proposals.settle([], at=NOON)

        assert tx.proposals.apart([(AD, Kind.PERSON, NativeId("g1")), (AD, Kind.UNIT, NativeId("g1"))]) == {
            row.pair: b"d"
        }
        assert tx.proposals.apart([(AD, Kind.PERSON, NativeId("g2"))]) == {}
        (kept,) = tx.proposals.of_record(AD, Kind.PERSON, NativeId("g1"))
        assert (kept.by, kept.reason, kept.decided_at) == ("op", "namesakes", NOON)
        assert tx.proposals.of_subjects([SubjectId("person:1")]) == [kept]


def test_a_pair_has_one_short_name() -> None:
    assert proposal().pair.id == proposal(digest=b"x").pair.id
    assert len({proposal().pair.id, proposal("g2").pair.id, proposal(subject="person:2").pair.id}) == 3
