"""The contract suite of a source: what `syncd.core.ports.Source` promises, as tests with the same numbers.

A connector's author writes a `Rig` (how to open the source, and how to do to its data what happens in real life) and

    class TestMySource(SourceContract):
        @pytest.fixture
        def rig(self, tmp_path): return MyRig(tmp_path)

The suite knows nothing of any connector. It reads the source as the engine does and never looks inside.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar

import pytest

from syncd.core.errors import Misconfigured, NeedsHuman, TryAgain
from syncd.core.known import NOTHING_KNOWN, Known
from syncd.core.model import Completeness, Kind, NativeId, Page, SourceRecord
from syncd.core.ports import Source, Standing, Verdict
from syncd.core.values import canonical, moment

_T = TypeVar("_T")
_REFUSALS = (TryAgain, NeedsHuman, Misconfigured)
_TYPES: dict[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str),
    "texts": lambda value: isinstance(value, tuple) and all(isinstance(item, str) for item in value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "flag": lambda value: isinstance(value, bool),
    "instant": lambda value: isinstance(value, str) and moment(value).utcoffset() is not None,
}


class Rig(ABC):
    """A source with data in it, and a way to make happen what happens to data."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets the source is opened with; they may be seen nowhere."""

    @abstractmethod
    def open(self) -> Source:
        """Return the source, not yet entered. Called several times."""

    @abstractmethod
    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        """Return every record that the source has at the moment, known from elsewhere than from the source's own reading."""

    @abstractmethod
    def change(self) -> NativeId:
        """Change one attribute of one record and return its id."""

    @abstractmethod
    def move(self) -> NativeId:
        """Rename or move one record and return its id."""

    @abstractmethod
    def remove(self) -> NativeId:
        """Take one record away and return its id."""

    @abstractmethod
    def empty(self) -> None:
        """Make the source answer as if nobody were there."""

    @abstractmethod
    def cut(self) -> None:
        """Make the source fail before the end of a read, after the beginning went well if that can happen."""


class SourceContract:
    """Each test is a rule of `syncd.core.ports.Source`, by its number."""

    @pytest.fixture
    def rig(self) -> Rig:
        raise NotImplementedError("a subclass gives the rig")

    def test_rule_01_every_record_comes_exactly_once_in_full_pages(self, rig: Rig) -> None:
        expected = rig.present()
        pages = _read(rig)
        seen = Counter((record.kind, record.native_id) for page in pages for record in page.records)
        assert len(expected) >= 3, "a rig with fewer than three records shows nothing"
        assert set(seen) == expected
        assert set(seen.values()) == {1}
        assert all(page.full for page in pages)

    def test_rule_02_only_the_last_page_carries_cursor_and_completeness(self, rig: Rig) -> None:
        *earlier, last = _read(rig)
        assert last.completeness is not None
        assert all(page.completeness is None and page.cursor is None for page in earlier)

    def test_rule_03_a_whole_read_is_proven_and_each_fact_says_what_was_checked(self, rig: Rig) -> None:
        completeness = _completeness(_read(rig))
        assert completeness.proven, completeness.doubts
        assert all(fact.name and fact.detail for fact in completeness.facts)

    def test_rule_03_an_empty_answer_proves_nobody_gone(self, rig: Rig) -> None:
        rig.empty()
        try:
            pages = _read(rig)
        except _REFUSALS:
            return
        completeness = _completeness(pages)
        assert not completeness.proven
        assert all(fact.detail for fact in completeness.doubts)

    def test_rule_04_a_read_that_cannot_go_on_raises(self, rig: Rig) -> None:
        rig.cut()
        with pytest.raises(_REFUSALS):
            _read(rig)

    def test_rule_05_an_id_survives_renames_and_moves(self, rig: Rig) -> None:
        before = _by_id(_read(rig))
        moved = rig.move()
        after = _by_id(_read(rig))
        assert moved in {native_id for _, native_id in before}
        assert set(after) == set(before)

    def test_rule_06_an_unchanged_source_yields_equal_digests(self, rig: Rig) -> None:
        first, second = _by_id(_read(rig)), _by_id(_read(rig))
        assert {name: record.digest for name, record in first.items()} == {
            name: record.digest for name, record in second.items()
        }
        assert all(canonical(first[name].attributes) == canonical(second[name].attributes) for name in first)

    def test_rule_06_a_changed_attribute_yields_another_digest(self, rig: Rig) -> None:
        before = _by_id(_read(rig))
        changed = rig.change()
        after = _by_id(_read(rig))
        name = next(name for name in before if name[1] == changed)
        assert after[name].digest != before[name].digest
        assert canonical(after[name].attributes) != canonical(before[name].attributes)

    def test_rule_07_a_read_from_a_cursor_yields_what_changed_or_everything(self, rig: Rig) -> None:
        cursor = _read(rig)[-1].cursor
        changed, removed = rig.change(), rig.remove()
        pages = _read(rig, cursor)
        records = {record.native_id for page in pages for record in page.records}
        deletions = {native_id for page in pages for native_id in page.deletions}
        assert changed in records
        assert removed not in records
        assert len({page.full for page in pages}) == 1, "a read is either full or not"
        assert pages[0].full or removed in deletions
        if pages[0].full:
            assert {(record.kind, record.native_id) for page in pages for record in page.records} == rig.present()

    @pytest.mark.parametrize("turns", [0, 1, 5])
    def test_rule_08_a_cancelled_read_leaves_nothing_running(self, rig: Rig, turns: int) -> None:
        threads = set(threading.enumerate())

        async def cancel(executor: _Recording) -> None:
            async with rig.open() as source:
                reading = asyncio.ensure_future(_pages(source, None))
                for _ in range(turns):
                    await asyncio.sleep(0.001)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                assert asyncio.all_tasks() == {asyncio.current_task()}
            assert executor.running() == 0

        _run(cancel)
        assert not [thread for thread in threading.enumerate() if thread not in threads and not thread.daemon]
        assert _completeness(_read(rig)).proven, "a read after a cancelled one is as good as any"

    def test_rule_08_the_event_loop_is_never_blocked_by_a_blocking_library(self, rig: Rig) -> None:
        async def count(executor: _Recording) -> tuple[int, int]:
            async with rig.open() as source:
                await _pages(source, None)
            return executor.submitted, executor.running()

        submitted, running = _run(count)
        assert submitted > 0, "a source that uses an asynchronous library says so by overriding this test"
        assert running == 0

    def test_rule_09_secrets_are_seen_nowhere(self, rig: Rig) -> None:
        texts = [repr(rig.open()), *(repr(page.notes) + str(page.completeness) for page in _read(rig))]
        texts += [repr(verdict) + str(verdict.problem) for verdict in _check(rig)]
        rig.cut()
        with pytest.raises(_REFUSALS) as failure:
            _read(rig)
        texts += [str(failure.value), repr(failure.value), *(repr(verdict) for verdict in _check(rig))]
        assert not [secret for secret in rig.secrets for text in texts if secret in text]

    def test_rule_10_a_check_of_a_healthy_source_fails_nothing(self, rig: Rig) -> None:
        verdicts = _check(rig)
        assert verdicts
        assert [verdict for verdict in verdicts if verdict.standing is Standing.FAILED] == []
        assert len({verdict.name for verdict in verdicts}) == len(verdicts)
        assert all(verdict.seen for verdict in verdicts)

    def test_rule_10_a_check_of_a_broken_source_says_what_to_do_and_raises_nothing(self, rig: Rig) -> None:
        rig.cut()
        failed = [verdict for verdict in _check(rig) if verdict.standing is Standing.FAILED]
        assert failed
        assert all(verdict.problem is not None and verdict.problem.do for verdict in failed)

    def test_rule_11_who_is_known_is_counted_instead_of_yielded(self, rig: Rig) -> None:
        first = _by_id(_read(rig))
        with_prints = [record for record in first.values() if record.fingerprint]
        known = _Prints(record.fingerprint for record in with_prints)
        pages = _with_source(rig, lambda source: _pages(source, None, known))
        yielded = {(record.kind, record.native_id) for page in pages for record in page.records}
        assert sum(page.unchanged for page in pages) == known.found
        assert yielded == {name for name, record in first.items() if not record.fingerprint}
        assert all(page.full for page in pages)
        assert _completeness(pages).proven, _completeness(pages).doubts

    def test_rule_11_who_has_changed_is_yielded_although_others_are_known(self, rig: Rig) -> None:
        first = _by_id(_read(rig))
        changed = rig.change()
        known = _Prints(record.fingerprint for record in first.values() if record.fingerprint)
        pages = _with_source(rig, lambda source: _pages(source, None, known))
        assert changed in {record.native_id for page in pages for record in page.records}

    def test_rule_12_after_a_delta_what_is_known_is_what_a_full_read_yields(self, rig: Rig) -> None:
        pages = _read(rig)
        known = _by_id(pages)
        rig.change()
        rig.move()
        rig.remove()
        for page in (told := _read(rig, pages[-1].cursor)):
            gone = set(page.deletions)
            known = {name: record for name, record in known.items() if name[1] not in gone}
            known |= {(record.kind, record.native_id): record for record in page.records}
        if told[0].full:
            known = _by_id(told)
        there = _by_id(_read(rig))
        assert set(known) == set(there)
        assert [name for name in there if known[name].digest != there[name].digest and not there[name].references] == []

    def test_declared_attributes_are_what_is_delivered(self, rig: Rig) -> None:
        declared = type(rig.open()).attributes
        for record in _by_id(_read(rig)).values():
            canonical(record.attributes)
            assert record.digest
            for name, value in record.attributes.items():
                assert value is not None, "what is not there is left out"
                if declared is not None and name in declared[record.kind]:
                    type_ = declared[record.kind][name]
                    assert _TYPES[type_](value), f"{record.kind} {name} is not {type_}: {type(value).__name__}"


class AsynchronousSourceContract(SourceContract):
    """The same for a source that waits by an asynchronous library, and so hands nothing to threads."""

    def test_rule_08_the_event_loop_is_never_blocked_by_a_blocking_library(self, rig: Rig) -> None:
        """While it waits, other tasks have their turn."""

        async def counted(_: _Recording) -> int:
            turns = 0

            async def turn() -> None:
                nonlocal turns
                while True:
                    turns += 1
                    await asyncio.sleep(0)

            async with rig.open() as source:
                other = asyncio.create_task(turn())
                await _pages(source, None)
                other.cancel()
            return turns

        assert _run(counted) > 1


class _Recording(ThreadPoolExecutor):
    """A thread pool that knows what it still does."""

    def __init__(self) -> None:
        super().__init__(max_workers=4, thread_name_prefix="contract")
        self._futures: list[Future[Any]] = []

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        future = super().submit(fn, *args, **kwargs)
        self._futures.append(future)
        return future

    @property
    def submitted(self) -> int:
        return len(self._futures)

    def running(self) -> int:
        return sum(not future.done() for future in self._futures)


def _run(work: Callable[[_Recording], Coroutine[Any, Any, _T]]) -> _T:
    async def whole() -> _T:
        executor = _Recording()
        asyncio.get_running_loop().set_default_executor(executor)
        return await work(executor)

    return asyncio.run(whole())


def _with_source(rig: Rig, work: Callable[[Source], Awaitable[_T]]) -> _T:
    async def whole(_: _Recording) -> _T:
        async with rig.open() as source:
            return await work(source)

    return _run(whole)


class _Prints:
    """What the engine remembers: each fingerprint is found once."""

    def __init__(self, prints: Iterable[bytes]) -> None:
        self._left = set(prints)
        self.found = 0

    def seen(self, fingerprint: bytes) -> bool:
        if fingerprint not in self._left:
            return False
        self._left.remove(fingerprint)
        self.found += 1
        return True


async def _pages(source: Source, cursor: str | None, known: Known = NOTHING_KNOWN) -> list[Page]:
    return [page async for page in source.read(cursor, known=known)]


def _read(rig: Rig, cursor: str | None = None) -> list[Page]:
    return _with_source(rig, lambda source: _pages(source, cursor))


async def _verdicts(source: Source) -> list[Verdict]:
    return [verdict async for verdict in source.check()]


def _check(rig: Rig) -> list[Verdict]:
    return _with_source(rig, _verdicts)


def _completeness(pages: list[Page]) -> Completeness:
    completeness = pages[-1].completeness
    assert completeness is not None
    return completeness


def _by_id(pages: list[Page]) -> dict[tuple[Kind, NativeId], SourceRecord]:
    return {(record.kind, record.native_id): record for page in pages for record in page.records}
