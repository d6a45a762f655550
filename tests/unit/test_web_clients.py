"""Each client has its own allowance, whoever else asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.web.clients import CLIENTS, HERE, Rate, client_of


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", HERE),
        (None, HERE),
        ("no address", "no address"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(host: str | None, client: str) -> None:
    assert client_of(host) == client


@given(st.lists(st.floats(0, 10), max_size=200), st.integers(1, 50))
def test_in_no_span_of_time_more_is_let_through_than_the_rate_and_the_burst(moments: list[float], rate: int) -> None:
    limit = Rate(rate)
    let = [at for at in sorted(moments) if not limit.wait("a", at)]
    for first, begin in enumerate(let):
        for last, end in enumerate(let[first:], start=first):
            assert last - first + 1 <= 2 * rate + (end - begin) * rate + 1e-6


@given(st.integers(1, 50), st.integers(0, 300))
def test_who_waits_as_long_as_told_is_let_through(rate: int, more: int) -> None:
    limit = Rate(rate)
    waits = [limit.wait("a", 5.0) for _ in range(2 * rate + 1 + more)]
    assert waits[: 2 * rate] == [0] * 2 * rate
    assert all(waits[2 * rate :])
    assert not limit.wait("a", 5.0 + waits[-1] + 1e-6)


def test_one_client_takes_nothing_from_another() -> None:
    limit = Rate(1)
    assert [bool(limit.wait("a", 0)) for _ in range(4)] == [False, False, True, True]
    assert not limit.wait("b", 0)


def test_a_clock_that_stands_still_or_goes_back_gives_nothing_away() -> None:
    limit = Rate(1)
    assert [bool(limit.wait("a", at)) for at in (9, 9, 5, 1)] == [False, False, True, True]


def test_the_memory_of_clients_is_bounded_and_the_busy_are_kept() -> None:
    limit = Rate(1)
    limit.wait("busy", 0)
    limit.wait("busy", 0)
    for number in range(2 * CLIENTS):
        limit.wait(f"passing-{number}", 0)
        if number % 1_000 == 0:
            assert limit.wait("busy", 0)
    assert len(limit._left) == CLIENTS
