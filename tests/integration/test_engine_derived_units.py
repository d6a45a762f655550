"""Units that no record describes: made from what people say of themselves, and gone when nobody says it any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.small_world import HR, INBOUND, SmallWorld
from syncd.core.model import Kind
from syncd.mapping import load_inbound

_LISTED = """    units: {from: unit, via: [{split: ","}]}\n"""
_PATH = """\
  units:
    path:
      - {name: house}
      - {name: division}
      - {name: team}
"""


@pytest.fixture
def company(tmp_path: Path) -> Iterator[SmallWorld]:
    """Two people in teams of one division, and one in another house."""
    world = SmallWorld(tmp_path)
    (tmp_path / "in.yaml").write_text(INBOUND.replace(_LISTED, _PATH))
    rules = load_inbound(tmp_path / "in.yaml", source=HR, attributes=None, now=world.now)
    seat = replace(world.world.seats[HR], rules=rules)
    world.world = replace(world.world, seats={HR: seat}, join=replace(world.world.join, refers={HR: rules.refers}))
    world.person("1", house="North", division="Sales", team="East")
    world.person("2", house="North", division="Sales", team="West")
    world.person("3", house="South")
    world.sync()
    yield world
    world.store.close()


def units(world: SmallWorld) -> set[str]:
    return {str(seen["name"]) for (kind, _), seen in world.target.objects.items() if kind is Kind.UNIT}


def test_a_unit_that_nobody_names_any_more_goes_with_those_above_it_that_nobody_needs(company: SmallWorld) -> None:
    assert units(company) >= {"North", "Sales", "East", "West", "South"}
    company.edit("2", team="East")
    company.sync()
    assert units(company) >= {"North", "Sales", "East", "South"}
    assert "West" not in units(company)
    for key in ("1", "2"):
        company.edit(key, house="South", division=None, team=None)
    company.sync()
    assert units(company).isdisjoint({"North", "Sales", "East", "West"})
    assert "South" in units(company)


def test_a_unit_stays_as_long_as_one_person_names_it(company: SmallWorld) -> None:
    company.leave("1")
    company.edit("2", team="East")
    company.sync()
    assert units(company) >= {"North", "Sales", "East"}
    company.edit("2", team="West")
    company.sync()
    assert "East" not in units(company)
    assert units(company) >= {"North", "Sales", "West"}
