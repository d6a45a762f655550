"""A read that ends with a round: what it says is stored, planned for and accepted in one transaction, and so flushed once; where
the pen rests, what is accepted is taken for it in that transaction, too.

Only a wake's read ends so, and only where nothing else is being planned: then what it has marked is what a round would look at
next. Otherwise, and where planning fails, the read ends by itself and the service plans as ever. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from syncd.core.model import SourceName
from syncd.engine.intake import Intake
from syncd.engine.pen import Pen
from syncd.engine.readers import Readers
from syncd.engine.rounds import Marks, Round, Verdict, end_with_round, note
from syncd.engine.stage import Asked, SourceRead
from syncd.engine.world import World
from syncd.store import Transaction


class AtOnce:
    """Ends reads with rounds, one at a time."""

    def __init__(
        self,
        world: Callable[[], World],
        intake: Intake,
        readers: Readers,
        pen: Pen,
        *,
        may: Callable[[], bool],
        marks: Callable[[], Marks],
        note: Callable[[Round], Awaitable[None]],
    ) -> None:
        """`may` says whether a round may be made now, `marks` for whom, and `note` takes note of what it came to."""
        self._world = world
        self._intake = intake
        self._readers = readers
        self._pen = pen
        self._may = may
        self._marks = marks
        self._note = note
        self._plans = 0
        self._hurried = False

    @property
    def busy(self) -> bool:
        """Tell whether something is being planned."""
        return self._plans > 0

    @contextmanager
    def planning(self) -> Iterator[None]:
        """Something is being planned, as long as the block lasts; a round may turn into a whole cycle within it."""
        self._plans += 1
        try:
            yield
        finally:
            self._plans -= 1

    def begin_first(self) -> bool:
        """Begin, and tell whether all else should wait for what has begun: never twice in turn, or others would starve."""
        self._hurried = self.begin() and not self._hurried
        return self._hurried

    def begin(self, rung: Iterable[SourceName] = ()) -> bool:
        """Begin to read what watches have told of, and who was rung for otherwise; tell whether anything begins."""
        begun = False
        for name in {*self._intake.heard, *rung}:
            if name in self._world().seats and self._readers.may(name):
                asked = Asked(quiet=True, beside=True, heard=self._intake.taken(name), ending=partial(self._end, name))
                self._readers.start([name], asked)
                begun = True
        return begun

    async def _end(self, name: SourceName, end: Callable[[Transaction], SourceRead]) -> SourceRead:
        """End a read, with a round if that may be. Raises what ending it raises."""
        world = self._world()
        if self.busy or not self._may():
            return await world.store.do(end)
        with self.planning():
            try:
                async with world.make_target() as target:
                    run_id = world.new_run()
                    both = partial(end_with_round, world, target, run_id, self._marks().asking(), end=end)
                    if self._pen.rests:
                        read, done = await self._pen.ahead(target, lambda take: both(take=take))
                    else:
                        (read, done), _ = await both()
            except Exception:  # noqa: BLE001 - nothing has happened: the round is made by itself, where what is wrong is said
                return await world.store.do(end)
            note(done, run_id)
            if done.verdict not in (Verdict.WHOLE, Verdict.BARRED):
                self._readers.noted(name)
                await self._note(done)
        return read


__all__ = ["AtOnce"]
