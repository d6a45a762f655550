"""What only one may have is passed on, and a cycle hears of one half while the other waits in the queue: nobody is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.company_history import small_world
from support.small_world import SmallWorld
from syncd.core.model import Change, Kind, TargetId
from syncd.core.outcome import Deferred, Outcome
from syncd.engine import reconcile
from syncd.engine.cycle import Cycle
from syncd.store.rows import QueueState
from syncd.testing.memory import refusal


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    """Five departments and five people, each with a name or an address that another one may get."""
    world = small_world(tmp_path)
    for key in "12345":
        world.unit(key, name=f"Name {key}")
        world.person(key, key, mail=f"example{key}@example.com")
    world.sync()
    yield world
    world.store.close()


def tell(company: SmallWorld, kind: Kind, key: str, value: str) -> None:
    if kind is Kind.UNIT:
        company.unit(key, name=f"Name {value}")
    else:
        company.edit(key, mail=f"example{value}@example.com")


def held(company: SmallWorld, kind: Kind) -> list[str]:
    """Return what each has, in their order."""
    people = [one for (which, _), one in sorted(company.target.objects.items()) if which is Kind.PERSON]
    if kind is Kind.PERSON:
        return [str(one.get("email"))[7:-12] for one in people]
    homes = [TargetId(one["departments"][0]["unit"]) for one in people]  # type: ignore[index, call-overload, arg-type]
    return [str(company.target.objects[Kind.UNIT, home]["name"])[5:] for home in homes]


def sync_while_busy(company: SmallWorld) -> Cycle:
    """The target puts everything off until tomorrow."""

    def busy(_: Change) -> Outcome:
        return Deferred(problem=refusal("busy"), retry_at=company.now() + timedelta(days=1))

    company.target.fault = busy
    done = company.sync()
    company.target.fault = lambda _: None
    return done


def settled(company: SmallWorld) -> None:
    with company.store.reading() as tx:
        assert not tx.queue.standing(QueueState.READY, QueueState.PENDING, QueueState.PARKED)
    assert company.sync().reconciliation.plan.changes == ()


@pytest.mark.parametrize("kind", [Kind.UNIT, Kind.PERSON])
@pytest.mark.parametrize(("wanted", "order"), [("21345", "12"), ("23145", "123"), ("23145", "321"), ("23451", "52134")])
def test_the_last_half_of_an_exchange_is_planned_for_with_those_that_still_wait(
    company: SmallWorld, kind: Kind, wanted: str, order: str
) -> None:
    """E: each is heard of by a cycle of its own, and the target was busy until the last one."""
    for key in order[:-1]:
        tell(company, kind, key, wanted[int(key) - 1])
        assert sync_while_busy(company).queue.parked == 0
    tell(company, kind, order[-1], wanted[int(order[-1]) - 1])

    done = company.sync()

    assert done.tally.troubles == {}
    assert "".join(held(company, kind)) == wanted
    settled(company)


@pytest.mark.parametrize("kind", [Kind.UNIT, Kind.PERSON])
def test_of_a_chain_that_is_too_long_everybody_is_looked_at_by_the_next_cycle(
    company: SmallWorld, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "STEPS", 1)
    for key, value in zip("1234", "2345", strict=True):
        tell(company, kind, key, value)
        sync_while_busy(company)
    tell(company, kind, "5", "1")

    done = []
    for _ in range(3):
        done.append(company.sync())
        company.time += timedelta(days=1)  # some have been put off until then

    assert any(one.reconciliation.everybody for one in done)
    assert "".join(held(company, kind)) == "23451"
    settled(company)
