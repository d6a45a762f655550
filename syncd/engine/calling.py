"""Takes the calls that a target makes over HTTP: understood by its connector, kept, and only then to be answered.

What is kept is judged by `syncd.engine.drift`, as what comes over a connection is. A call that comes again (the target's own
repetition, or somebody who recorded it) is answered as the first one was and is not kept again. It reads and writes nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import SyncdError
from syncd.core.ports import Calling
from syncd.engine import drift
from syncd.engine.world import World

if TYPE_CHECKING:
    from syncd.core.callbacks import Received
    from syncd.core.wakes import Touched

REMEMBERED: Final = 20_000
"""Events that are known to be kept. One that is forgotten and comes again is judged again: a call at most, no write."""


class Calls:
    """Where calls are handed in. One for each service, used from its event loop only."""

    def __init__(self, world: Callable[[], World]) -> None:
        """`world` is asked each time: its target is the one that the writer uses, which so hears of new administrators."""
        self._world = world
        self._kept: OrderedDict[str, None] = OrderedDict()

    async def take(self, target: str, query: Mapping[str, str], body: bytes) -> bytes | None:
        """Return what to answer, once what was said is durable; None where nobody of that name takes calls.

        Raises `NotTheirs`, and whatever secrets or the store raise: then it is not kept, and has to come again."""
        world = self._world()
        received = await _understood(world, query, body) if target == world.target_name else None
        if received is None:
            return None
        new = [one for one in received.touched if one.key not in self._kept]
        await drift.touched(world, new)
        self._remember(new)
        return received.answer

    def _remember(self, some: Iterable[Touched]) -> None:
        for one in some:
            self._kept[one.key] = None
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)


async def _understood(world: World, query: Mapping[str, str], body: bytes) -> Received | None:
    refused: SyncdError
    async with world.make_target() as target:
        calling: Any = target
        try:
            receiver = calling.callback() if isinstance(target, Calling) else None
            return receiver.receive(query, body) if receiver is not None else None
        except SyncdError as error:
            refused = error  # raised outside: no caller, whoever it is, closes the writer's target by it
    raise refused


__all__ = ["Calls"]
