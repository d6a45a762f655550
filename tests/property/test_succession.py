"""Who takes over: nobody is left with somebody who is gone while anybody is above, there is no circle, and it never varies."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.small_world import SmallWorld
from syncd.core.model import SubjectId
from syncd.core.orgtree import rings
from syncd.core.succession import deputies, heirs

PEOPLE = [SubjectId(f"person:{number}") for number in range(12)]


@st.composite
def trees(draw: st.DrawFn) -> dict[SubjectId, SubjectId]:
    """Everybody but some reports to somebody who comes before them: no circles."""
    above: dict[SubjectId, SubjectId] = {}
    for place, one in enumerate(PEOPLE[1:], 1):
        at = draw(st.integers(-1, place - 1))
        if at >= 0:
            above[one] = PEOPLE[at]
    return above


def chain(above: dict[SubjectId, SubjectId], one: SubjectId) -> list[SubjectId]:
    found = []
    while one in above:
        one = above[one]
        found.append(one)
    return found


@given(trees(), st.sets(st.sampled_from(PEOPLE)))
def test_nobody_is_left_with_somebody_who_is_gone_while_anybody_is_above(
    above: dict[SubjectId, SubjectId], gone: set[SubjectId]
) -> None:
    found = heirs(gone, above)
    after = {one: found.get(up, up) for one, up in above.items() if one not in gone}

    for one, up in after.items():
        assert up not in gone or set(chain(above, one)) <= gone
        assert up in chain(above, one)
    assert rings({**dict.fromkeys(PEOPLE), **after}) == []
    assert heirs(frozenset(gone), dict(reversed(above.items()))) == found


@given(trees(), st.sets(st.sampled_from(PEOPLE)), st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)))
def test_deputies_take_over_and_no_circle_comes_of_it_whoever_is_named(
    above: dict[SubjectId, SubjectId], gone: set[SubjectId], named: dict[SubjectId, SubjectId]
) -> None:
    found, standing_in = heirs(gone, above), deputies(gone, above, named)

    assert not set(standing_in.values()) & gone
    after = {}
    for one, up in above.items():
        if one not in gone:
            takers = [standing_in.get(up), found.get(up), up]
            after[one] = next(taker for taker in takers if taker not in (None, one))
    assert rings({**dict.fromkeys(PEOPLE), **after}) == []
    reports = {one for one, up in above.items() if up in gone and named.get(up) == one}
    assert all(standing_in[above[one]] == one for one in reports - gone)


@given(st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), st.sets(st.sampled_from(PEOPLE)))
def test_circles_end_too_and_nobody_takes_over_who_is_gone(
    above: dict[SubjectId, SubjectId], gone: set[SubjectId]
) -> None:
    assert not set(heirs(gone, above).values()) & gone


# A failing example is not made smaller: each costs a second, and it is small already.
@settings(
    deadline=None, max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(
    st.lists(st.integers(0, 6), min_size=7, max_size=7),
    st.dictionaries(st.integers(1, 7), st.sampled_from(["gone", "inactive", "over"]), max_size=4),
    st.integers(0, 7),
)
def test_any_company_is_handed_over_in_the_plan_in_which_they_leave(
    choices: list[int], leavers: dict[int, str], later: int
) -> None:
    managers = {number: choice % number for number, choice in enumerate(choices, 1)}
    with tempfile.TemporaryDirectory() as folder:
        world = SmallWorld(Path(folder))
        world.unit("all")
        for number, above in managers.items():
            world.person(str(number), "all", **({"manager": f"e{above}"} if above else {}))
        world.sync()
        for number, way in leavers.items():
            if number != later:
                _let_go(world, number, way)
        world.sync()
        if later in leavers:
            _let_go(world, later, leavers[later])
            world.sync()
        tenant, again = world.tenant(), world.sync(fresh=True, again=True)
        world.store.close()

    assert again.reconciliation.plan.changes == ()
    for number in managers.keys() - leavers.keys():
        up = managers[number]
        while up and up in leavers:
            up = managers[up]
        held = tenant[f"person:Example {number}"].get("manager")
        assert held == f"Example {up}" if up else held in (None, f"Example {managers[number]}")


def _let_go(world: SmallWorld, number: int, way: str) -> None:
    if way == "gone":
        world.leave(str(number))
    else:
        world.edit(str(number), **({"state": "left"} if way == "inactive" else {"last": "2026-11-01"}))
