"""Traces of what the service does (OpenTelemetry), where `tracing.endpoint` asks for them. Otherwise nothing of it is imported.

One trace is one thing that was done: a wake that was kept, a read, a round or a whole cycle, a change from the call to its
settlement. They are linked, not nested, because many wakes lead to one read, and one round to many changes: a read links to its
wakes, a round to the reads before it, a change to the round that accepted it. No person, name, value, address of a page or text
of an error is ever in one. Used from the service's event loop only; sending is `syncd.tracing_export`.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

from syncd.core.errors import SyncdError, code_of

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider

Word = str | int | float | bool
MOST_LINKS: Final = 64
"""Links of one span; more wakes or reads than that are not named."""
_STATUS: Final = {"status": "http.response.status_code"}
"""Of calls, in the words of OpenTelemetry's conventions for HTTP."""
REMEMBERED: Final = 2_000
"""Rounds that changes can be linked to, and changes that may be under way."""


class Doing:
    """Something that is being done; what is said of it becomes attributes. This one forgets."""

    def say(self, **words: Word) -> None:
        """Add attributes; `None` of them may be about a person."""


class _Spoken(Doing):
    def __init__(self) -> None:
        self.words: dict[str, Word] = {}

    def say(self, **words: Word) -> None:
        self.words |= words


class Traces:
    """The traces of one service. Made by `begin`."""

    def __init__(self, provider: TracerProvider, *, version: str) -> None:
        self._tracer: Tracer = provider.get_tracer("syncd", version)
        self._woken: dict[str, list[SpanContext]] = {}
        """By source: wakes that it has not been read for yet."""
        self._read: list[SpanContext] = []
        """Reads that nothing was planned on yet."""
        self._planned: OrderedDict[str, SpanContext] = OrderedDict()
        self._changing: OrderedDict[str, Span] = OrderedDict()

    @contextmanager
    def root(self, name: str, links: list[SpanContext], words: Mapping[str, Word]) -> Iterator[tuple[Span, Doing]]:
        """Do something under a span of its own trace."""
        from opentelemetry import trace
        from opentelemetry.context import Context

        span = self._tracer.start_span(name, context=Context(), links=_links(links), attributes=_named(words))
        spoken = _Spoken()
        # What an error says may name people, so the span does not record it by itself.
        with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
            try:
                yield span, spoken
            except BaseException as error:
                _fail(span, code_of(error) if isinstance(error, SyncdError) else type(error).__name__)
                raise
            finally:
                span.set_attributes(_named(spoken.words))
                span.end()

    @contextmanager
    def waking(self, source: str, reason: str) -> Iterator[Doing]:
        with self.root("syncd.wake", [], {"source": source, "reason": reason}) as (span, doing):
            # Before it is kept: the source is read meanwhile.
            told = self._woken.setdefault(source, [])
            told.append(span.get_span_context())
            del told[:-MOST_LINKS]
            yield doing

    @contextmanager
    def reading(self, source: str) -> Iterator[Doing]:
        with self.root("syncd.read", self._woken.pop(source, []), {"source": source}) as (span, doing):
            yield doing
            self._read.append(span.get_span_context())
            del self._read[:-MOST_LINKS]

    @contextmanager
    def planning(self, name: str, run: str) -> Iterator[Doing]:
        """A round of which nothing is said, because nobody was to be looked at, leaves no trace."""
        spoken, began = _Spoken(), time.time_ns()
        yield spoken
        if spoken.words:
            from opentelemetry.context import Context

            links, self._read = _links(self._read), []
            words = _named({"run": run, **spoken.words})
            span = self._tracer.start_span(name, context=Context(), links=links, attributes=words, start_time=began)
            span.end()
            self._planned[run] = span.get_span_context()
            _limit(self._planned)

    @contextmanager
    def applying(self, change: str, run: str, words: Mapping[str, Word]) -> Iterator[Doing]:
        from opentelemetry import trace
        from opentelemetry.context import Context

        if (left := self._changing.pop(change, None)) is not None:
            left.end()  # its settlement failed, and it is tried anew
        planned = self._planned.get(run)
        whole = self._tracer.start_span(
            "syncd.change",
            context=Context(),
            links=_links([planned] if planned is not None else []),
            attributes=_named({"change": change, "run": run, **words}),
        )
        self._changing[change] = whole
        for _, forgotten in _limit(self._changing):
            forgotten.end()
        spoken = _Spoken()
        with self._tracer.start_as_current_span(
            "syncd.apply",
            context=trace.set_span_in_context(whole, Context()),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield spoken
            span.set_attributes(_named(spoken.words))

    def settled(self, change: str, outcome: str, code: str) -> None:
        if (span := self._changing.pop(change, None)) is not None:
            span.set_attributes(_named({"outcome": outcome}))
            if code:
                _fail(span, code)
            span.end()

    @contextmanager
    def calling(self, method: str, host: str) -> Iterator[Doing]:
        """A call over HTTP, as a part of what is being done; outside of that it leaves no trace."""
        from opentelemetry import trace
        from opentelemetry.trace import SpanKind

        if not trace.get_current_span().is_recording():
            yield Doing()
            return
        words = {"http.request.method": method, "server.address": host}
        spoken = _Spoken()
        with self._tracer.start_as_current_span(
            method, kind=SpanKind.CLIENT, attributes=words, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield spoken
            except BaseException as error:
                _fail(span, type(error).__name__)
                raise
            finally:
                span.set_attributes({_STATUS.get(name, name): word for name, word in spoken.words.items()})


def _links(contexts: list[SpanContext]) -> list[Any]:
    from opentelemetry.trace import Link

    return [Link(one) for one in contexts]


def _named(words: Mapping[str, Word]) -> dict[str, Word]:
    return {f"syncd.{name}": word for name, word in words.items()}


def _fail(span: Span, code: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR))


def _limit(some: OrderedDict[str, Any]) -> list[tuple[str, Any]]:
    return [some.popitem(last=False) for _ in range(len(some) - REMEMBERED)]


# --- what the rooms call: nothing happens where nobody asked for traces -----------------------------------------------

_traces: Traces | None = None
_nothing: Final = nullcontext(Doing())


def begin(traces: Traces | None) -> None:
    """Make traces from now on; None: no more."""
    global _traces
    _traces = traces


def waking(source: str, reason: str) -> AbstractContextManager[Doing]:
    """A wake is being kept."""
    return _traces.waking(source, reason) if _traces else _nothing


def reading(source: str) -> AbstractContextManager[Doing]:
    """A source is being read."""
    return _traces.reading(source) if _traces else _nothing


def planning(name: str, run: str) -> AbstractContextManager[Doing]:
    """It is being planned, under a run's id; say what it came to."""
    return _traces.planning(name, run) if _traces else _nothing


def applying(change: str, run: str, words: Mapping[str, Word] | None = None) -> AbstractContextManager[Doing]:
    """The target is being asked to do a change; `words` become attributes."""
    return _traces.applying(change, run, words or {}) if _traces else _nothing


def settled(change: str, outcome: str, code: str = "") -> None:
    """What came of a change is durable; `code` of the problem where it is not confirmed."""
    if _traces:
        _traces.settled(change, outcome, code)


def calling(method: str, host: str) -> AbstractContextManager[Doing]:
    """A call over HTTP is being made."""
    return _traces.calling(method, host) if _traces else _nothing


__all__ = ["Doing", "Traces", "applying", "begin", "calling", "planning", "reading", "settled", "waking"]
