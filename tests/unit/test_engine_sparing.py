"""Circular garbage is looked for less often while a cycle runs, and as before afterwards."""

from __future__ import annotations

import gc

import pytest

from syncd.engine.sparing import SELDOM, sparing


def test_a_cycle_looks_for_garbage_less_often_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with sparing():
        assert gc.get_threshold() == SELDOM
        assert gc.isenabled()
    assert gc.get_threshold() == before


def test_a_cycle_that_fails_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="the cycle"), sparing():
        raise ValueError("the cycle")
    assert gc.get_threshold() == before


def test_cycles_that_overlap_leave_the_collector_as_the_first_one_found_it() -> None:
    before = gc.get_threshold()
    first, second = sparing(), sparing()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == SELDOM
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
