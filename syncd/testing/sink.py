"""The contract suite of sinks: the numbered rules of `syncd.core.ports.Sink`, as tests with the same numbers.

A sink's author writes a `Desk` (how to open the sink, and what people on call see) and

    class TestMySink(SinkContract):
        @pytest.fixture
        def desk(self, tmp_path): return MyDesk(tmp_path)
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar, Final

import pytest

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Alert, Sink, Standing, Verdict

DOWN: Final = Alert(
    key="source:hr:down",
    severity="high",
    title="The source hr cannot be read",
    text="Run `syncd check --online`.",
    since=datetime(2026, 11, 22, 1, 30, tzinfo=UTC),
)
FULL: Final = replace(DOWN, key="state:disk", title="The disk is nearly full")


class Desk(ABC):
    """A sink, and what people on call see of it."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets that the sink is opened with; they may be seen nowhere."""

    @abstractmethod
    def open(self) -> Sink:
        """Return the sink, not yet entered. Called several times: each knows what the one before it knew."""

    @abstractmethod
    def burning(self) -> dict[str, str]:
        """Return the titles of the alerts that are open, by key, known from elsewhere than from the sink."""

    @abstractmethod
    def over(self) -> list[str]:
        """Return the keys of the alerts that were resolved, in order; a key that was opened twice occurs twice."""

    @abstractmethod
    def trouble(self) -> None:
        """Make the service behind the sink refuse everything for a while."""

    @abstractmethod
    def heal(self) -> None:
        """End the trouble."""


class SinkContract:
    """Subclass me, and give me a fixture `desk`."""

    @pytest.fixture
    def desk(self) -> Desk:
        raise NotImplementedError("give the suite a fixture `desk`")

    def test_01_an_alert_that_is_sent_again_is_one_alert_as_it_was_sent_last(self, desk: Desk) -> None:
        for title in (DOWN.title, DOWN.title, "The source hr cannot be read since noon"):
            send(desk, replace(DOWN, title=title))

        assert desk.burning() == {DOWN.key: "The source hr cannot be read since noon"}
        assert desk.over() == []

    def test_02_a_resolution_closes_its_own_alert_and_no_other(self, desk: Desk) -> None:
        send(desk, DOWN)
        send(desk, FULL)
        for _ in range(2):
            send(desk, replace(DOWN, resolved=True))

        assert desk.burning() == {FULL.key: FULL.title}
        assert desk.over() == [DOWN.key]

    def test_02_resolving_what_is_not_open_is_harmless(self, desk: Desk) -> None:
        send(desk, replace(DOWN, resolved=True))

        assert (desk.burning(), desk.over()) == ({}, [])

    def test_03_after_its_resolution_a_key_can_be_opened_again(self, desk: Desk) -> None:
        for resolved in (False, True, False):
            send(desk, replace(DOWN, resolved=resolved))
        assert desk.burning() == {DOWN.key: DOWN.title}

        send(desk, replace(DOWN, resolved=True))
        assert desk.over() == [DOWN.key, DOWN.key]

    def test_04_alerts_of_different_keys_do_not_touch_each_other_whatever_they_say(self, desk: Desk) -> None:
        keys = ("a", "A", "a ", "a/b?c=d&e=%20#f", "例:" + "x" * 253, '{"quoted": "ключ"}')
        for key in keys:
            send(desk, replace(DOWN, key=key))

        assert desk.burning() == dict.fromkeys(keys, DOWN.title)

    def test_05_what_is_too_long_is_cut(self, desk: Desk) -> None:
        send(desk, replace(DOWN, title="例" * 5_000, text="例" * 200_000))

        [title] = desk.burning().values()
        assert 0 < len(title) < 5_000

    def test_06_what_could_not_be_sent_comes_again_and_is_sent_then(self, desk: Desk) -> None:
        send(desk, FULL)
        desk.trouble()
        for alert in (DOWN, replace(FULL, resolved=True)):
            with pytest.raises((TryAgain, NeedsHuman)):
                send(desk, alert)
        desk.heal()
        for alert in (DOWN, replace(FULL, resolved=True)):
            send(desk, alert)

        assert desk.burning() == {DOWN.key: DOWN.title}
        assert desk.over() == [FULL.key]

    def test_08_a_check_of_a_channel_that_is_well_fails_nothing_and_sends_nothing(self, desk: Desk) -> None:
        verdicts = _checked(desk)
        assert [verdict for verdict in verdicts if verdict.standing is Standing.FAILED] == []
        assert all(verdict.name and verdict.seen for verdict in verdicts)
        assert not any(secret in repr(verdict) for secret in desk.secrets for verdict in verdicts)
        assert desk.burning() == {}
        assert desk.over() == []

    def test_07_secrets_are_seen_nowhere(self, desk: Desk) -> None:
        desk.trouble()
        with pytest.raises((TryAgain, NeedsHuman)) as caught:
            send(desk, DOWN)

        seen = f"{desk.open()!r} {caught.value!r} {caught.value}"
        assert [secret for secret in desk.secrets if secret in seen] == []


def send(desk: Desk, alert: Alert) -> None:
    """Open the sink, send one alert, close it."""

    async def go() -> None:
        async with desk.open() as sink:
            await sink.send(alert)

    asyncio.run(go())


def _checked(desk: Desk) -> list[Verdict]:
    async def asked() -> list[Verdict]:
        async with desk.open() as sink:
            return [verdict async for verdict in sink.check()]

    return asyncio.run(asked())
