"""An adversary's week with several sources: A (bad reads in every spelling) and K (who wins when two disagree); and L (logs).

The directory knows everybody; HR knows titles and who left. Both are in memory, with real rules, a real database, real logs.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from support.small_world import HR, SmallWorld
from syncd.config.parts import LoggingSettings
from syncd.core.correlation import JoinRules
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import Change, Kind, Op, Reason, SourceName
from syncd.core.outcome import Deferred, Outcome, Rejected
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.engine.cycle import Result
from syncd.engine.explain import explain
from syncd.engine.world import Seat
from syncd.mapping import load_inbound
from syncd.telemetry import configure
from syncd.testing.memory import MemorySource, refusal

AD = SourceName("ad")
DIRECTORY = """\
version: 1
rules: inbound
person:
  required: [displayName]
  fields:
    employeeNumber: number
    displayName: cn
    title: {from: title, on_null: clear}
    phoneNumbers.mobile: mobile
"""


class TwoSources(SmallWorld):
    """A company whose directory is believed before its HR system, but for titles."""

    def __init__(self, folder: Path, **precedence: tuple[SourceName, ...]) -> None:
        super().__init__(folder)
        (folder / "ad.yaml").write_text(DIRECTORY)
        self.directory = MemorySource({}, Room(name="ad", now=self.now, base=folder))
        rules = load_inbound(folder / "ad.yaml", source=AD, attributes=None, now=self.now)
        seats = {AD: Seat(name=AD, make=lambda: self.directory, rules=rules), **self.world.seats}
        refers = {name: seat.rules.refers for name, seat in seats.items()}
        join = JoinRules(sources=(AD, HR), refers=refers, precedence=precedence)
        self.world = replace(self.world, seats=seats, join=join)

    def account(self, number: str, /, **fields: Value) -> None:
        self.directory.records[Kind.PERSON, f"guid-{number}"] = {
            "number": f"e{number}",
            "cn": f"Example {number}",
            "mobile": f"138{int(number):08}",
            **fields,
        }

    def everybody(self, people: int = 25) -> None:
        self.company(people)
        for number in range(1, people + 1):
            self.account(str(number))


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What is logged at debug level; logging is as it was afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    kept, level = root.handlers[:], root.level
    configure(LoggingSettings(level="debug", format="json"), stream=stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = kept
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoSources]:
    world = TwoSources(tmp_path, title=(HR, AD))
    world.everybody()
    world.sync()
    yield world
    world.store.close()


def left(world: SmallWorld) -> list[str]:
    """Return who is out of sight or gone."""
    return sorted(name for name, held in world.tenant().items() if held.get("departments") == ({"unit": "Leavers"},))


ERRORS = {
    "unreachable": TryAgain(refusal("no route to host")),
    "password changed": NeedsHuman(refusal("the account may not sign in")),
}


# --- A: bad reads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS.keys())
def test_a_source_that_dies_in_the_middle_takes_nobody_along_and_the_other_one_goes_on(
    two: TwoSources, error: Exception
) -> None:
    """A (ssosync#278, keycloak#20177, opnsense#10128): half a read, then the end of the line."""
    two.source.error = error
    for number in range(2, 26):
        two.leave(str(number))
    two.account("3", cn="Example 3 renamed")

    done = two.sync()

    assert done.result is Result.UNPROVEN
    assert list(done.source_failed) == [HR]
    assert dict(done.tally.confirmed) == {"update person": 1}
    assert left(two) == []


def test_a_source_comes_back_with_half_and_then_whole_and_nobody_was_touched(two: TwoSources) -> None:
    """A: first dead, then permission-trimmed though it calls itself complete, then as it was."""
    before, tenant = dict(two.source.records), two.tenant()
    two.source.error = TryAgain(refusal("no route to host"))
    two.sync()
    two.source.error = None
    for number in range(13, 26):
        two.leave(str(number))
    half = two.sync()
    two.source.records = before
    whole = two.sync()

    assert half.result is Result.UNPROVEN
    assert "ENG-003" in {problem.code for read in half.reconciliation.reads for problem in read.problems}
    assert (half.tally.done, whole.tally.done) == (0, 0)
    assert whole.result is Result.NOTHING
    assert two.tenant() == tenant


def test_both_sources_empty_at_once_still_let_nobody_go(two: TwoSources) -> None:
    """A (wg-portal#744): a filter that matches nothing, everywhere."""
    for source in (two.source, two.directory):
        for key in [key for key in source.records if key[0] is Kind.PERSON]:
            del source.records[key]

    done = two.sync()

    assert (done.result, done.tally.done, left(two)) == (Result.UNPROVEN, 0, [])


def test_somebody_who_is_gone_from_one_source_only_stays(two: TwoSources) -> None:
    """A: the other one still knows them."""
    two.leave("5")
    done = two.sync()
    assert left(two) == []
    assert done.result is not Result.UNPROVEN

    del two.directory.records[Kind.PERSON, "guid-5"]
    two.sync()
    assert left(two) == ["person:Example 5"]


def test_gone_from_one_and_the_other_one_cannot_be_read_is_not_gone(two: TwoSources) -> None:
    """A: an absence counts only when each source has proven it."""
    two.leave("5")
    del two.directory.records[Kind.PERSON, "guid-5"]
    two.directory.doubt = "the server answered with a size limit"

    assert two.sync().tally.done == 0
    two.directory.doubt = ""
    two.sync()
    assert left(two) == ["person:Example 5"]


def test_a_leaver_flows_while_the_other_source_is_down(two: TwoSources) -> None:
    """A, H: HR says that somebody is inactive; that the directory is down must not keep the account alive."""
    two.directory.error = TryAgain(refusal("down"))
    two.edit("5", state="left")

    two.sync()

    assert left(two) == ["person:Example 5"]


# --- K: who wins ------------------------------------------------------------------------------------------------------


def test_the_declared_precedence_wins_and_explain_says_which(two: TwoSources) -> None:
    """K (authentik#26083): HR is believed for titles, the directory for everything else."""
    two.edit("2", title="By HR", name="Name by HR")
    two.account("2", title="By AD", cn="Name by AD")

    two.sync()

    held = two.tenant()["person:Name by AD"]
    assert held["title"] == "By HR"
    with two.store.transaction() as tx:
        told = explain(tx, two.world, two.target, "e2")
    assert told.entity is not None
    assert {name: told.entity.origins[name].source for name in ("title", "displayName")} == {
        "title": HR,
        "displayName": AD,
    }


def test_a_winner_that_falls_silent_leaves_the_word_to_the_next(two: TwoSources) -> None:
    """K: nothing said is not "nothing"; the weaker source speaks, and clearing needs both of them to be empty."""
    two.edit("2", title="By HR")
    two.account("2", title="By AD")
    two.sync()
    two.edit("2", title=None)
    two.sync()
    assert two.tenant()["person:Example 2"]["title"] == "By AD"


def test_a_source_that_is_taken_out_of_the_configuration_is_no_mass_leave_and_is_named(two: TwoSources) -> None:
    """K: a change of the configuration never makes leavers, and nobody is left aside without being named."""
    seats = {name: seat for name, seat in two.world.seats.items() if name == AD}
    two.world = replace(two.world, seats=seats, join=replace(two.world.join, sources=(AD,)))
    tenant = two.tenant()

    done = two.sync()

    assert done.reconciliation.plan.changes == ()
    assert two.tenant() == tenant
    named = [aside for aside in done.reconciliation.plan.aside if aside.reason is Reason.PARKED]
    assert sum(aside.kind is Kind.PERSON for aside in named) == 25
    assert all("no longer in the configuration" in aside.why for aside in named)


def test_a_worker_who_is_converted_keeps_the_account(two: TwoSources) -> None:
    """K, E (azure-docs#50316): HR gives a new record for the same number while the directory's stays."""
    record = two.source.records.pop((Kind.PERSON, "5"))
    two.source.records[Kind.PERSON, "employee-5"] = {**record, "title": "Employee"}

    done = two.sync()

    assert dict(done.tally.confirmed) == {"update person": 1}
    assert two.tenant()["person:Example 5"]["title"] == "Employee"


def test_a_record_that_could_be_two_people_is_nobodys(two: TwoSources) -> None:
    """K: two accounts of the directory share a number, and HR's record has it too."""
    two.account("31", number="e30")
    two.account("32", number="e30")
    two.sync()
    two.person("30", "team")

    done = two.sync()

    assert (Reason.AMBIGUOUS, "Example 30") in {(one.reason, one.label) for one in done.reconciliation.plan.aside}


# --- L: logs ----------------------------------------------------------------------------------------------------------


def test_at_debug_level_with_every_failure_no_secret_or_person_is_in_logs_or_errors(
    tmp_path: Path, logs: io.StringIO
) -> None:
    """L (nextcloud#38461, ldap3#259): a connector that fails with everything it knows in its message."""
    leak = "bind failed: password=Hunter2secret token=tok-4711 for +62 812 3456 7890 wei.zhang@corp.example 13812345678"
    world = TwoSources(tmp_path)
    world.everybody()

    def fault(change: Change) -> Outcome | None:
        if change.kind is not Kind.PERSON or change.op is not Op.CREATE:
            return None
        number = int(change.label.split()[-1])
        if number % 3 == 0:
            raise RuntimeError(leak)
        if number % 3 == 1:
            return Rejected(problem=refusal("no"))
        return Deferred(problem=refusal("busy"), retry_at=world.time) if number % 7 == 0 else None

    world.target.fault = fault
    done = world.sync()
    world.directory.error = TryAgain(refusal("down"))
    world.source.doubt = "a size limit"
    world.leave("5")
    done_again = world.sync()

    written = logs.getvalue()
    assert "change.not_confirmed" in written
    assert "connector.failed" in written
    told = " ".join(problem for one in (done, done_again) for _, problem in one.tally.troubles.values())
    for text in (written, told):
        for secret in ("Hunter2secret", "tok-4711", "3456 7890", "wei.zhang", "13812345678", "13800000"):
            assert secret not in text
    assert "Example " not in written
    world.store.close()
