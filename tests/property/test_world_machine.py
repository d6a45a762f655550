"""Any history of a company, with a target that fails as it likes: in the end the tenant is what a first run would have made."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.company_history import History
from support.examples import examples

QUICK = settings(deadline=None, max_examples=10, stateful_step_count=14, suppress_health_check=list(HealthCheck))
LONG = settings(QUICK, max_examples=examples(20), stateful_step_count=30)


def test_any_history_with_a_failing_target_ends_as_a_first_run_would() -> None:
    run_state_machine_as_test(History, settings=QUICK)


@pytest.mark.slow
def test_any_long_history_with_a_failing_target_ends_as_a_first_run_would() -> None:
    run_state_machine_as_test(History, settings=LONG)
