"""Any history of a company whose source tells what changed, or reads everything, or proves nothing, or fails in the middle.

Deltas are never to be seen in the outcome: after each calm cycle a look at everybody, with nothing taken for known, plans
nothing, and in the end the tenant is what a first run would have made, whose source knows no deltas at all.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from support.company_history import History, people, units
from support.examples import examples
from support.small_world import HR
from syncd.core.errors import TryAgain
from syncd.core.model import Kind
from syncd.engine.cycle import Result
from syncd.testing.memory import refusal


class Told(History):
    """The same company; its source has a log of changes."""

    def __init__(self) -> None:
        super().__init__()
        self.world.source.tells = True

    @rule(key=people)
    def come_back(self, key: str) -> None:
        """Somebody leaves and is there again before anybody looked, as another."""
        if self.here(key) and key != "1":
            held = dict(self.world.source.records[Kind.PERSON, key])
            self.world.leave(key)
            self.world.source.records[Kind.PERSON, key] = {**held, "title": "Returned"}

    @rule()
    def the_log_is_lost(self) -> None:
        self.world.source.forget()

    @rule(full=st.booleans())
    def nothing_is_proven(self, full: bool) -> None:
        self.world.source.doubt = "a size limit"
        done = self.world.sync(full=full)
        self.world.source.doubt = ""
        self.check(done)
        assert done.result is not Result.DONE

    @rule(full=st.booleans())
    def it_fails_in_the_middle(self, full: bool) -> None:
        self.world.source.error = TryAgain(refusal("the connection broke"))
        done = self.world.sync(full=full)
        self.world.source.error = None
        self.check(done)
        assert HR in done.reconciliation.failed

    @rule(full=st.booleans(), key=people, unit=units)
    def it_changes_while_it_is_read(self, full: bool, key: str, unit: str) -> None:
        """What has been read is changed, and what has not been; whoever is new comes too late, or just in time."""

        def meanwhile() -> None:
            if self.here("2"):
                self.world.edit("2", title="Changed meanwhile")
            if self.here(key) and key != "1":
                self.world.leave(key)
            if unit in self.parents:
                self.names[unit] += "x"
                self.unit(unit, self.parents[unit])

        self.world.source.meanwhile = meanwhile
        done = self.world.sync(full=full)
        self.world.source.meanwhile = lambda: None
        self.check(done)

    @precondition(lambda self: self.world.source.tells)
    @rule()
    def it_can_tell_no_more(self) -> None:
        """For a while it reads everything each time, and no record has a fingerprint."""
        self.world.source.tells = False
        self.check(self.world.sync())
        self.world.source.tells = True


QUICK = settings(deadline=None, max_examples=12, stateful_step_count=16, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=examples(20), stateful_step_count=30)


def test_any_history_told_by_deltas_ends_as_a_first_run_would() -> None:
    run_state_machine_as_test(Told, settings=QUICK)


@pytest.mark.slow
def test_any_long_history_told_by_deltas_ends_as_a_first_run_would() -> None:
    run_state_machine_as_test(Told, settings=LONG)
