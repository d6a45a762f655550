"""Any reorganisation of departments is done in one cycle: nothing is refused on the way, whoever waits for whom."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from support.small_world import SmallWorld

UNITS = ["a", "b", "c", "d", "e"]


class Unit(NamedTuple):
    name: str
    parent: str | None


Forest = dict[str, Unit]


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """Draw departments of which no two below one have the same name, in any shape."""
    forest: Forest = {}
    taken: set[tuple[str | None, str]] = set()
    for key in draw(st.permutations(UNITS)):
        parent = draw(st.none() | st.sampled_from(sorted(forest))) if forest else None
        free = [name for name in UNITS if (parent, name) not in taken]
        forest[key] = Unit(draw(st.sampled_from(free)), parent)
        taken.add((parent, forest[key].name))
    return forest


FLAT = {key: Unit(key, None) for key in UNITS}
CHAIN = {key: Unit(key, above) for key, above in zip("abcde", [None, *"abcd"], strict=True)}
TURNED = {key: Unit(name, above) for key, name, above in zip("edcba", "abcde", [None, *"edcb"], strict=True)}


@given(before=forests(), after=forests())
@example(before=CHAIN, after=TURNED)
@example(before=FLAT, after=TURNED)
@example(
    before=FLAT | {"d": Unit("a", None), "a": Unit("c", "d"), "b": Unit("d", "d"), "c": Unit("b", "d")},
    after=FLAT | {"a": Unit("a", None), "c": Unit("c", "a"), "d": Unit("d", "c"), "b": Unit("b", "d")},
)
@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
def test_any_reorganisation_is_done_at_once_and_nothing_is_refused(before: Forest, after: Forest) -> None:
    with tempfile.TemporaryDirectory(prefix="syncd-units-") as folder:
        world = SmallWorld(Path(folder))
        try:
            for forest in (before, after):
                for key, unit in forest.items():
                    world.unit(key, unit.parent, name=unit.name)
                done = world.sync()
                assert (done.queue.open, done.queue.parked) == (0, 0)
            assert world.sync().reconciliation.plan.changes == ()
            assert _held(world) == _wanted(after)
        finally:
            world.store.close()


def _wanted(forest: Forest) -> list[str]:
    def path(key: str) -> str:
        unit = forest[key]
        return f"{path(unit.parent)}/{unit.name}" if unit.parent else unit.name

    return sorted(path(key) for key in forest)


def _held(world: SmallWorld) -> list[str]:
    held = {str(target_id): fields for (_, target_id), fields in world.target.objects.items()}

    def path(target_id: str) -> str:
        fields = held[target_id]
        above = str(fields["parent"])
        return f"{path(above)}/{fields['name']}" if above in held else str(fields["name"])

    return sorted(path(target_id) for target_id in held)
