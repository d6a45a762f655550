"""The rate plan on a clock that we wind ourselves: no window ever holds more arrivals than are permitted."""

from __future__ import annotations

import asyncio
import random
import selectors
from bisect import bisect_left
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.model import Lane
from syncd_dingtalk.errors import banned, new_refusal, old_refusal
from syncd_dingtalk.rate import ADDRESS_SECONDS, SPARE, RatePlan, Resting, Turn

RATE = old_refusal(88, "90018", "", "r")
OVERLOAD = old_refusal(88, "90002", "", "r")


class _Still(selectors.SelectSelector):
    """Instead of waiting, it winds the clock."""

    clock = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.clock += max(timeout or 0.0, 1e-6)
        return []


class _WoundLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.still = _Still()
        super().__init__(self.still)

    def time(self) -> float:
        return self.still.clock


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def inner() -> None:
        await work()

    with asyncio.Runner(loop_factory=_WoundLoop) as runner:
        runner.run(inner())


def most_within(seconds: float, arrivals: list[float]) -> int:
    """Return the largest number of arrivals in any half-open window of `seconds`."""
    ordered = sorted(arrivals)
    return max((bisect_left(ordered, at + seconds) - index for index, at in enumerate(ordered)), default=0)


async def call(plan: RatePlan, arrivals: list[float], *, out: float, back: float, lane: Lane = Lane.REST) -> None:
    turn = await plan.turn("/user/create", lane)
    await asyncio.sleep(out)
    arrivals.append(asyncio.get_running_loop().time())
    await asyncio.sleep(back)
    turn.done()


@settings(max_examples=40, deadline=None)
@given(
    qps=st.integers(1, 25),
    starts=st.lists(st.floats(0, 3), min_size=1, max_size=120),
    seed=st.integers(0, 2**32),
    slow=st.floats(0, 1),
)
def test_on_short_ways_no_second_holds_more_than_permitted(
    qps: int, starts: list[float], seed: int, slow: float
) -> None:
    """Trips vary as they like up to SPARE; some take seconds."""
    chance, arrivals = random.Random(seed), list[float]()

    async def one(plan: RatePlan, start: float) -> None:
        await asyncio.sleep(start)
        hung = chance.random() < slow / 4
        out = chance.uniform(0, 3) if hung else chance.uniform(0, SPARE / 2)
        # A slow call's answer follows its arrival at once: the worst case for knowing when it arrived.
        await call(plan, arrivals, out=out, back=0.0 if hung else chance.uniform(0, SPARE / 2))

    async def work() -> None:
        plan = RatePlan(qps=qps)
        await asyncio.gather(*(one(plan, start) for start in starts))

    run(work)
    assert len(arrivals) == len(starts)
    assert most_within(1.0, arrivals) <= qps


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), way=st.floats(0.03, 0.3), jitter=st.floats(0, 0.2))
def test_on_long_ways_delays_do_not_pile_up_in_one_second(seed: int, way: float, jitter: float) -> None:
    """Trips have a length and are delayed at random on the way out; the shortest is met among the first."""
    chance, arrivals = random.Random(seed), list[float]()

    async def work() -> None:
        plan = RatePlan(qps=20)
        await call(plan, arrivals, out=way, back=way)
        delays = [chance.uniform(0, jitter) for _ in range(150)]
        await asyncio.gather(*(call(plan, arrivals, out=way + delay, back=way) for delay in delays))

    run(work)
    assert most_within(1.0, arrivals) <= 20


@pytest.mark.parametrize("trip", [0.001, 0.02, 0.1, 0.4])
@pytest.mark.parametrize("qps", [20, 60])
def test_at_least_97_percent_of_the_permitted_calls_are_made(qps: int, trip: float) -> None:
    arrivals: list[float] = []

    async def work() -> None:
        plan = RatePlan(qps=qps)
        await asyncio.gather(*(call(plan, arrivals, out=trip / 2, back=trip / 2) for _ in range(qps * 31)))

    run(work)
    steady = [at for at in sorted(arrivals) if at > arrivals[0] + 3]
    assert (len(steady) - 1) / (steady[-1] - steady[0]) >= 0.97 * qps


def test_calls_are_spread_and_not_sent_in_bursts() -> None:
    arrivals: list[float] = []

    async def work() -> None:
        plan = RatePlan(qps=20)
        await asyncio.gather(*(call(plan, arrivals, out=0.001, back=0.001) for _ in range(60)))

    run(work)
    gaps = [later - earlier for earlier, later in pairwise(sorted(arrivals))]
    assert min(gaps[1:]) > 0.04


def test_head_room_is_left_to_other_programs() -> None:
    assert RatePlan(qps=20, head_room=0.25).calls_per_second == 15
    assert RatePlan(qps=20, head_room=0.1).calls_per_second == 18
    assert RatePlan(qps=1, head_room=0.9).calls_per_second == 1
    assert RatePlan(qps=None).calls_per_second is None


def test_leavers_overtake_and_others_keep_their_order() -> None:
    order: list[str] = []

    async def one(plan: RatePlan, name: str, lane: Lane) -> None:
        (await plan.turn("/user/update", lane)).done()
        order.append(name)

    async def work() -> None:
        plan = RatePlan(qps=2)
        waiting = [one(plan, f"rest {number}", Lane.REST) for number in range(5)]
        async with asyncio.TaskGroup() as group:
            for each in waiting:
                group.create_task(each)
            await asyncio.sleep(0.1)
            group.create_task(one(plan, "joiner", Lane.JOINER))
            group.create_task(one(plan, "leaver", Lane.LEAVER))

    run(work)
    assert order == ["rest 0", "leaver", "joiner", "rest 1", "rest 2", "rest 3", "rest 4"]


def test_one_call_without_an_answer_takes_one_place_and_no_more() -> None:
    arrivals: list[float] = []

    async def work() -> None:
        plan = RatePlan(qps=10)
        hung = await plan.turn("/user/create")
        await asyncio.gather(*(call(plan, arrivals, out=0.001, back=0.001) for _ in range(91)))
        hung.done()

    run(work)
    assert 10.0 < max(arrivals) - min(arrivals) < 10.6  # nine of ten places


def test_all_interfaces_together_keep_below_the_platforms_limit_per_address() -> None:
    arrivals: list[float] = []

    async def one(plan: RatePlan, interface: str) -> None:
        turn = await plan.turn(interface)
        arrivals.append(asyncio.get_running_loop().time())
        turn.done()

    async def work() -> None:
        plan = RatePlan(qps=20, address_calls=100)
        await asyncio.gather(*(one(plan, f"/interface/{number % 7}") for number in range(350)))

    run(work)
    assert most_within(ADDRESS_SECONDS, arrivals) == 100


def test_after_90018_the_interface_rests_a_second_and_keeps_further_away() -> None:
    left: list[float] = []

    async def one(plan: RatePlan) -> Turn:
        turn = await plan.turn("/user/get")
        left.append(asyncio.get_running_loop().time())
        turn.done()
        return turn

    async def work() -> None:
        plan = RatePlan(qps=20)
        await one(plan)
        plan.told("/user/get", RATE)
        await one(plan)

    run(work)
    assert left[1] - left[0] >= 1.0


def test_after_90002_the_rest_doubles_and_success_forgets_it() -> None:
    rests: list[float] = []

    async def work() -> None:
        plan, loop = RatePlan(qps=20), asyncio.get_running_loop()
        for refusal in (OVERLOAD, OVERLOAD, OVERLOAD, None, OVERLOAD):
            (await plan.turn("/user/get")).done()
            at = loop.time()
            plan.told("/user/get", refusal)
            if refusal:
                (await plan.turn("/user/get")).done()
                rests.append(round(loop.time() - at))

    run(work)
    assert rests == [1, 2, 4, 1]


def test_a_ban_sends_everybody_home_on_every_interface() -> None:
    async def work() -> None:
        plan = RatePlan(qps=1)
        (await plan.turn("/user/get")).done()
        (await plan.turn("/user/create")).done()
        waiting = asyncio.create_task(plan.turn("/user/create"))
        await asyncio.sleep(0)
        plan.told("/user/get", banned())
        with pytest.raises(Resting) as resting:
            await waiting
        assert resting.value.seconds == pytest.approx(300, abs=1)
        with pytest.raises(Resting):
            await plan.turn("/department/get")
        await asyncio.sleep(300)
        (await plan.turn("/department/get")).done()

    run(work)


def test_a_limit_per_minute_is_for_the_queues_clock() -> None:
    refusal = new_refusal(403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi", "", "r")

    async def work() -> None:
        plan = RatePlan(qps=20)
        (await plan.turn("/x")).done()
        plan.told("/x", refusal)
        with pytest.raises(Resting):
            await plan.turn("/x")
        (await plan.turn("/y")).done()

    run(work)
    assert refusal.after == timedelta(minutes=1)


def test_a_caller_who_gives_up_leaves_the_place_to_the_next() -> None:
    async def work() -> None:
        plan = RatePlan(qps=1)
        (await plan.turn("/x")).done()
        first = asyncio.create_task(plan.turn("/x"))
        second = asyncio.create_task(plan.turn("/x"))
        await asyncio.sleep(0)
        first.cancel()
        (await asyncio.wait_for(second, timeout=60)).done()
        assert first.cancelled()

    run(work)


def test_without_a_limit_nobody_waits() -> None:
    async def work() -> None:
        plan, loop = RatePlan(qps=None, address_calls=None), asyncio.get_running_loop()
        start = loop.time()
        for _ in range(1000):
            (await plan.turn("/x")).done()
        assert loop.time() - start < 10  # at the usual limit it would be fifty seconds

    run(work)
