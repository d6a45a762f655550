"""Whoever is plain is, without the questions that are asked of everybody else, just what these questions would make of them."""

from __future__ import annotations

import tempfile
from array import array
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.small_world import HR, INBOUND, OUTBOUND, SmallWorld, run
from syncd.core.model import Kind, NativeId, SubjectId
from syncd.core.values import Value
from syncd.engine import survey
from syncd.engine.joining import join
from syncd.engine.plain import Plain
from syncd.engine.reconcile import read_sources
from syncd.engine.stage import Asked
from syncd.engine.tree import Standing, wish
from syncd.engine.world import JoinerTerms
from syncd.mapping import load_inbound, load_outbound
from syncd.store import Transaction
from syncd.store.offboardings import Offboarding
from syncd.testing.memory import FIELDS

NOW: Final = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
IN: Final = INBOUND.replace(
    "    endDate: last\n",
    "    endDate: last\n    hireDate: hired\n    timezone: zone\n    outsider: {expr: \"outside == 'yes'\"}\n"
    "    deputy: {from: deputy, by: employeeNumber}\n",
).replace("    managers: {from: leader", "    outer: {expr: \"outside == 'yes'\"}\n    managers: {from: leader")
OUT: Final = OUTBOUND.replace(
    "    email: emails.work\n",
    "    email: {from: emails.work, via: [trim, email], on_error: skip_field}\n"
    "    extension: {mapping: {Unit: unit.displayName, Path: {expr: 'path.size() > 1 ? path[1] : \"\"'}}}\n",
)
UNITS: Final = st.sampled_from(
    ["top", "sales", "field", "sales,top", "ops,ops", "partners", "nowhere", "", "sales,nowhere", "round"]
)
DATES: Final = st.sampled_from(
    [None, "2020-02-29", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2027-01-01", "soon", ""]
)
PERSON: Final = st.fixed_dictionaries(
    {},
    optional={
        "unit": UNITS,
        "manager": st.sampled_from(["e1", "e2", "e3", "e7", "nobody", "", " ", None]),
        "deputy": st.sampled_from(["e2", "nobody"]),
        "title": st.sampled_from(["Engineer ", "  ", "工程师", None]),
        "mail": st.sampled_from(["a@example.com", "no address", " b@example.com ", ""]),
        "mobile": st.sampled_from(["13800000001", "  ", None]),
        "name": st.sampled_from(["An", " Budi ", "", None]),
        "kind": st.sampled_from(["staff", "staff", "service"]),
        "state": st.sampled_from(["here", "left"]),
        "outside": st.sampled_from(["yes", "no"]),
        "zone": st.sampled_from(["Asia/Shanghai", "Pacific/Kiritimati", "America/Los_Angeles"]),
        "last": DATES,
        "hired": DATES,
    },
)


def company(folder: Path, people: list[dict[str, Value]], *, ahead: timedelta | None) -> SmallWorld:
    """Return a company that was read: the people come by number, those of whom nothing else is said in a unit that is known."""
    made = SmallWorld(folder, joiners=JoinerTerms(ahead=ahead))
    (folder / "in.yaml").write_text(IN)
    (folder / "out.yaml").write_text(OUT)
    rules = load_inbound(folder / "in.yaml", source=HR, attributes=None, now=made.now)
    made.world = replace(
        made.world,
        seats={HR: replace(made.world.seats[HR], rules=rules)},
        outbound=load_outbound(folder / "out.yaml", fields=FIELDS, now=made.now),
        join=replace(made.world.join, refers={HR: rules.refers}),
    )
    for key, above in (("top", None), ("sales", "top"), ("field", "sales"), ("ops", "top"), ("round", "round")):
        made.unit(key, above)
    made.unit("partners", "top")
    made.source.records[Kind.UNIT, "partners"]["outside"] = "yes"
    made.group("club", "5")
    for number, fields in enumerate(people, 1):
        made.person(str(number), "sales")
        made.edit(str(number), **fields)
    run(read_sources(made.world, made.world.new_run(), Asked()))
    run(made.store.do(lambda tx: join(tx, made.world)))
    return made


def grounds(made: SmallWorld, tx: Transaction) -> tuple[survey.Ground, list[SubjectId]]:
    subjects = tx.records.subjects()
    ground = survey.ground_of(tx, made.world, made.target, [one for one in subjects if one.startswith("unit:")])
    ground.people = sorted(one for one in subjects if one.startswith("person:"))
    ground.managers = array("l", [-1]) * len(ground.people)
    return ground, [*ground.people]


def weighed(made: SmallWorld, tx: Transaction, plain: list[Plain]) -> None:
    """See that everybody who is plain is so by the questions that everybody else is asked."""
    ground, people = grounds(made, tx)
    standing = survey.people_among(tx, ground, people)
    wanted, differing = survey._wanted(tx, ground, standing, people)
    for one in plain:
        assert wanted[one.subject] == one.desired
        assert standing.tree.entities[one.subject].facts.get("manager") == one.manager
    silent = {one.subject for one in plain}
    assert not silent & (differing | standing.warned | ground.leaving | ground.reviews.keys())
    wished_for(made, standing, tx, plain)


def wished_for(made: SmallWorld, standing: Standing, tx: Transaction, plain: list[Plain]) -> None:
    """See that a first plan would wish the same."""
    wishes = wish(
        replace(standing, asked=frozenset(one.subject for one in plain)),
        made.world,
        {},
        normalise=made.target.normalise,
        hidden=made.target.hidden,
        unique=survey.kept_values(tx, made.world),
    )
    assert wishes.desired == {one.subject: one.desired for one in plain}


# Not made smaller: each example is a database of its own.
@settings(
    max_examples=examples(6),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(PERSON, min_size=20, max_size=30), st.sampled_from([None, timedelta(0), timedelta(days=3)]), st.data())
def test_plain_people_are_what_weighing_would_make_of_them(
    people: list[dict[str, Value]], ahead: timedelta | None, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as name:
        made = company(Path(name), people, ahead=ahead)
        with made.store.transaction() as tx:
            ground, everybody = grounds(made, tx)
            for one in data.draw(st.sets(st.sampled_from(everybody), max_size=2)) if everybody else ():
                row = Offboarding(subject=one, label="", decided_at=NOW, decided_by="An", reason="a reason")
                tx.offboardings.put(row)
            plain, others = ground.plain.among(tx, everybody)

            assert sorted([*(one.subject for one in plain), *others]) == everybody
            weighed(made, tx, plain)
        made.store.close()


def test_nearly_everybody_is_plain_and_nobody_else_is(tmp_path: Path) -> None:
    people: list[dict[str, Value]] = [{} for _ in range(30)]
    people[1] = {"manager": "e1", "hired": "2020-01-01", "unit": "sales,top"}
    odd: dict[int, dict[str, Value]] = {
        6: {"last": "2027-01-01"},
        7: {"unit": "nowhere"},
        8: {"manager": "nobody"},
        9: {"state": "left"},
        10: {"outside": "yes"},
        11: {"hired": "2027-01-01"},
        12: {"kind": "service"},
        13: {"mail": "no address"},
        14: {"unit": "partners"},
        15: {"mobile": None},
        16: {"deputy": "e2"},
    }
    for at, fields in odd.items():
        people[at] = fields
    made = company(tmp_path, people, ahead=timedelta(days=3))

    with made.store.transaction() as tx:
        ground, everybody = grounds(made, tx)
        plain, others = ground.plain.among(tx, everybody)
        rows = {one.native_id: one.subject for one in tx.records.iterate(kind=Kind.PERSON)}

    # The fifth is in a group that is a department; an excluded record is of nobody.
    assert set(others) == {rows[NativeId(str(at))] for at in (5, *(at + 1 for at in odd))} & set(everybody)
    assert len(plain) == len(everybody) - len(others)
