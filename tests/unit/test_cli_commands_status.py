"""`syncd status`: one screen, one verdict, and the exit code that monitoring believes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.office import Office, Opened
from syncd.cli import moments, overview
from syncd.config.durations import spelled
from syncd.core.errors import TryAgain
from syncd.core.model import Change, Effect
from syncd.core.outcome import Outcome, Rejected
from syncd.core.policy import Limit, Limits
from syncd.core.ports import Room
from syncd.engine.world import GuardTerms
from syncd.store import glance
from syncd.testing.listeners import MemoryConsumer, Shelf
from syncd.testing.memory import refusal


@pytest.fixture
def office(opened: Opened) -> Office:
    one = opened()
    one.world.company(8)
    return one


def codes(office: Office) -> list[str]:
    return [problem["code"] for problem in office.run("status", "--json").json["problems"]]


def test_before_anything_has_run_status_says_what_to_do_first(office: Office) -> None:
    ran = office.run("status")
    assert ran.code == 6
    assert "CLI-101" in ran.out
    assert "syncd plan" in ran.out


def test_after_a_good_run_all_is_well(office: Office) -> None:
    office.world.sync()
    ran = office.run("status")
    assert (ran.code, ran.err) == (0, "")
    assert "All is well." in ran.out
    assert "8 people, 2 units" in ran.out


def test_a_doubtful_read_is_told_with_its_proof_and_ends_with_6(office: Office) -> None:
    office.world.sync()
    office.world.source.doubt = "the server stopped at its size limit"
    office.world.sync()
    ran = office.run("status")
    assert ran.code == 6
    assert "CLI-106" in ran.out
    assert "✗ memory: the server stopped at its size limit" in ran.out


def test_a_source_that_does_not_exist_is_refused_with_those_that_do(office: Office) -> None:
    ran = office.run("status", "--source", "hrr")
    assert ran.code == 2
    assert "The sources are: hr." in ran.err


def test_a_source_that_the_last_run_could_not_read_is_named(office: Office) -> None:
    from syncd.core.errors import TryAgain

    office.world.sync()
    office.world.time += timedelta(minutes=15)
    office.world.source.error = TryAgain(refusal("down"))
    office.world.sync()
    assert codes(office) == ["CLI-105"]


def test_a_source_that_nobody_has_read_for_long_is_stale(office: Office) -> None:
    office.world.sync()
    office.world.time += timedelta(minutes=59)
    assert codes(office) == []
    office.world.time += timedelta(minutes=2)
    assert codes(office) == ["CLI-107"]


def test_a_hold_ends_with_5_until_it_expires(office: Office) -> None:
    held = GuardTerms(plan_only_first=False, limits=Limits(by_effect={Effect.UPDATE: Limit(count=1)}))
    office.world.sync()
    office.world.world = replace(office.world.world, guard=held)
    office.world.edit("3", title="Baker")
    office.world.sync()
    ran = office.run("status")
    assert ran.code == 5
    assert "syncd hold show" in ran.out
    office.world.time += held.hold_expires
    assert "CLI-108" not in codes(office)


def test_parked_changes_and_parked_people_end_with_4(office: Office) -> None:
    _park(office)
    ran = office.run("status", "--json")
    assert ran.code == 4
    assert ran.json["queue"]["parked"] == 1
    assert "CLI-110" in codes(office)


def _park(office: Office) -> None:
    def refuse(change: Change) -> Outcome | None:
        return Rejected(problem=refusal("not this one")) if change.label == "Example 7" else None

    office.world.target.fault = refuse
    office.world.sync()


def test_a_run_that_never_ended_is_told_after_an_hour(office: Office) -> None:
    office.world.sync()
    with office.world.store.transaction() as tx:
        tx.runs.start("20261122T030000-dead", kind="sync", at=office.world.now(), config_digest=b"")  # type: ignore[arg-type]
    assert "CLI-103" not in codes(office)
    office.world.time += timedelta(hours=1, minutes=1)
    assert "CLI-103" in codes(office)


def test_a_run_that_failed_is_told(office: Office) -> None:
    office.world.sync()
    with office.world.store.transaction() as tx:
        at = office.world.now() + timedelta(seconds=1)
        tx.runs.start("20261122T030000-bad", kind="sync", at=at, config_digest=b"")  # type: ignore[arg-type]
        tx.runs.finish("20261122T030000-bad", at=at, result="failed: TryAgain", counts={})  # type: ignore[arg-type]
    assert codes(office) == ["CLI-102"]


def test_a_consumer_that_does_not_listen_is_named_and_how_far_it_is_behind(office: Office) -> None:
    def refuse() -> None:
        raise TryAgain(refusal("its own server is down"))

    shelf, world = Shelf(), office.world
    office.config.write_text(f"{office.config.read_text()}consumers: {{okr: {{type: memory}}}}\n")
    room = Room(name="okr", now=world.now, base=office.folder)
    world.world = replace(world.world, consumers={"okr": lambda: MemoryConsumer(shelf, room)})
    world.sync()
    assert "Consumer okr      has heard everything" in office.run("status").out

    shelf.before = refuse
    world.edit("3", title="Baker")
    world.sync()
    world.time += timedelta(minutes=5)
    ran = office.run("status")
    assert ran.code == 4
    assert "CLI-116" in ran.out
    assert "5 min ago (MEM-001); it is behind by 1 fact" in " ".join(ran.out.split())
    assert "Consumer okr      1 fact behind" in ran.out
    assert office.run("status", "--json").json["consumers"] == {"okr": 1}

    shelf.before = lambda: None
    world.sync()
    assert office.run("status").code == 0


def test_the_short_way_through_the_file_sees_what_the_store_sees(office: Office) -> None:
    _park(office)
    office.world.person("77", "team", manager="e7")
    office.world.sync()
    now = office.world.now()
    asked = glance.Asked(sources=("hr",), target="memory", consumers=("okr", "learning"), closely="hr")
    with office.world.store.transaction() as tx:
        tx.feed.set_cursor("okr", 3)
    quick = glance.of_file(office.folder / "syncd.db", asked, now=now)
    with office.world.store.reading() as tx:
        proper = glance.of_transaction(tx, asked, now=now)
        assert quick == proper
        assert quick.queue == tx.queue.counts(now)
        assert quick.next_due_at == tx.queue.next_due_at()
        assert quick.runs == tuple(tx.runs.last(5))
        assert quick.reads["hr"] == tx.reads.last("hr")  # type: ignore[arg-type]
        assert quick.good["hr"] == tx.reads.last_good("hr")  # type: ignore[arg-type]
        assert quick.behind == {name: tx.feed.behind(name) for name in asked.consumers}
        assert quick.behind["learning"] == quick.behind["okr"] + 3 > 3
        assert quick.full["hr"] == tx.reads.last_full("hr")  # type: ignore[arg-type]
        assert quick.there == {kind.value: n for kind, n in tx.records.count("hr").items()}  # type: ignore[arg-type]
        assert sum(quick.marked.values()) == tx.marks.count() > 0
        assert quick.review_at == tx.reviews.next_at()
        assert quick.observed_at == tx.observed.last_full_at("memory")
        assert quick.head == office.world.store.audit.tail(tx)
        asides = {(reason, kind): n for reason, kinds in quick.asides.items() for kind, n in kinds.items()}
        assert asides == tx.asides.counts("plan")
    assert quick.queue.parked == 1


def test_a_database_that_is_not_there_yet_is_an_empty_glance(tmp_path: Path, office: Office) -> None:
    asked = glance.Asked(sources=["hr"], target="memory")
    seen = glance.of_file(tmp_path / "none.db", asked, now=office.world.now())
    assert seen == glance.Glance()


def test_a_file_that_is_no_database_is_left_to_the_store(tmp_path: Path, office: Office) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, but long enough to look at")
    with pytest.raises(glance.Unready):
        glance.of_file(tmp_path / "notes.db", glance.Asked(sources=[], target="memory"), now=office.world.now())


@pytest.mark.parametrize(
    "text",
    [
        "sources: {}\ntarget: {type: memory}\n",
        "sources: {hr: {}}\n",
        "sources: {hr: {}}\ntarget: {type: memory}\nstate: {url: postgresql://db/syncd}\n",
        "sources: {hr: {}}\ntarget: {type: memory}\nschedule: {every: 15}\n",
        "sources: [hr]\ntarget: {type: memory}\n",
        "not: [closed\n",
    ],
)
def test_whatever_is_unusual_is_left_to_the_whole_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "syncd.yaml").write_text(text)
    assert overview.outlined(tmp_path / "syncd.yaml", {}) is None


def test_variables_that_may_overrule_what_status_needs_are_left_to_the_whole_configuration(tmp_path: Path) -> None:
    (tmp_path / "syncd.yaml").write_text("sources: {hr: {}}\ntarget: {type: memory}\n")
    assert overview.outlined(tmp_path / "syncd.yaml", {"SYNCD_WRITER__BATCH": "1"}) is not None
    assert overview.outlined(tmp_path / "syncd.yaml", {"SYNCD_STATE__URL": "sqlite:///else.db"}) is None


def test_the_outline_is_what_the_whole_configuration_says() -> None:
    from syncd.config import load

    root = Path(__file__).parents[2]
    outline, settings = overview.outlined(root / "syncd.yaml", {}), load(root / "syncd.yaml", env={})
    assert outline is not None
    assert outline.sources == tuple(settings.sources)
    assert outline.target == settings.target.type
    assert outline.every == settings.schedule.every
    assert outline.full_every == settings.schedule.full_every
    assert settings.state.url == f"sqlite:///{outline.file}"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500)))
def test_durations_mean_the_same_on_the_short_way(length: timedelta) -> None:
    whole = length - timedelta(microseconds=length.microseconds)
    assert moments.length(spelled(whole)) == whole


@pytest.mark.parametrize("word", ["", "15", "fifteen", "15 x", "-1h", None, 15])
def test_what_is_no_duration_is_none(word: object) -> None:
    assert moments.length(word) is None


def test_status_needs_neither_sqlalchemy_nor_pydantic(office: Office) -> None:
    office.world.sync()
    heavy = "{'sqlalchemy', 'pydantic', 'httpx', 'ldap3', 'cel_expr_python', 'structlog', 'alembic'}"
    program = (
        "import sys; from syncd.cli import main; code = main(['status', '--config', sys.argv[1]]); "
        f"print(code, sorted({heavy} & sys.modules.keys()))"
    )
    # The clock of the process is the real one: the source may be stale by then, which is not what is looked at here.
    ran = subprocess.run(
        [sys.executable, "-c", program, str(office.config)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[-1].endswith("[]")


def test_status_speaks_of_results_in_the_engine_s_own_words() -> None:
    from syncd.engine.cycle import Result

    assert {overview.PLANNED_ONLY, overview.SOME_NOT_CONFIRMED} <= {result.value for result in Result}
