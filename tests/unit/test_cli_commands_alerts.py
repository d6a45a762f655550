"""`syncd alerts`: what is wrong, who was told, who takes it up. Decisions are in the audit log, also beside a service at work."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.alerts import health
from support.office import Office, Opened
from support.small_world import SmallWorld
from syncd.config.alerting import AlertSettings, ChannelEntry
from syncd.core.errors import TryAgain
from syncd.core.health import QueueHealth
from syncd.core.ports import Room, Sink
from syncd.engine.alerting import Alerting
from syncd.testing.listeners import MemorySink, Shelf
from syncd.testing.memory import refusal


class Desk:
    """An office with one channel, and a service that has looked."""

    def __init__(self, office: Office) -> None:
        self.office, self.world = office, office.world
        self.shelf = Shelf()
        channel = ChannelEntry(type="memory", settings=self.shelf, plugin=MemorySink)
        self.settings = office.settings.alerts = AlertSettings(channels={"team": channel})

    def service(self) -> Alerting:
        def sink(name: str) -> Sink:
            return MemorySink(self.shelf, Room(name=name, now=self.world.now, base=Path()))

        return Alerting.of(self.settings, store=self.world.store, make_sink=sink, now=self.world.now)

    def look(self, **spoilt: Any) -> None:
        service = self.service()

        async def go() -> None:
            await service.tick(health(self.world.now(), **spoilt))
            await service.deliver()

        asyncio.run(go())

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.office.run("alerts", "list", "--json").json["alerts"]
        return found


@pytest.fixture
def desk(opened: Opened) -> Desk:
    return Desk(opened(prepare=SmallWorld.now))


def test_list_says_that_nothing_is_wrong_only_while_a_service_looks(desk: Desk) -> None:
    ran = desk.office.run("alerts", "list")
    assert (ran.code, "Nothing is wrong" in ran.out, "is not running" in ran.out) == (0, False, True)

    with desk.world.store.serving("syncd run"):
        ran = desk.office.run("alerts", "list")

    assert (ran.code, ran.out) == (0, "Nothing is wrong that a rule looks for.\n")


def test_list_shows_what_is_wrong_and_who_was_told(desk: Desk) -> None:
    desk.look(disk_free=1, queue=QueueHealth(leavers_late=1, late_labels=("Ada Example",)))

    ran = desk.office.run("alerts", "list")
    assert [(one["key"], one["stage"], list(one["told"])) for one in desk.alerts()] == [
        ("disk_full", "open", ["team"]),
        ("leaver_late", "open", ["team"]),
        ("disk_low", "pending", []),
    ]
    assert "Only 1 B are free" in ran.out
    assert "leaver_late: Ada Example" in ran.out


def test_ack_is_kept_with_its_reason_and_stops_repetition(desk: Desk) -> None:
    desk.look(disk_free=1)
    with desk.world.store.exclusive("syncd run"):
        ran = desk.office.run("alerts", "ack", "disk_fu", "--for", "4h", "--reason", "ordering disks")

    assert (ran.code, "Acknowledged" in ran.out) == (0, True)
    [record] = desk.office.audited()
    assert (record["reason"], record["facts"]["alert"]) == ("ordering disks", "disk_full")
    assert "taken up by" in desk.office.run("alerts", "list").out


@pytest.mark.parametrize(("key", "code"), [("disk_fool", "CLI-210"), ("disk", "CLI-211")])
def test_ack_wants_to_know_which(desk: Desk, key: str, code: str) -> None:
    desk.look(disk_free=1)
    ran = desk.office.run("alerts", "ack", key)

    assert (ran.code, code in ran.err) == (3, True)


def test_silence_is_shown_and_can_be_ended(desk: Desk) -> None:
    made = desk.office.run("alerts", "silence", "disk_*", "--for", "1h", "--reason", "moving", "--json").json["silence"]
    desk.look(disk_free=1)
    assert (desk.alerts()[0]["hushed"], desk.shelf.open) == (f"silenced by {made['id']}", {})
    assert "Silence" in desk.office.run("alerts", "list").out

    assert desk.office.run("alerts", "silence", "--end", made["id"], "--reason", "done").code == 0
    assert desk.office.run("alerts", "silence", "--end", made["id"], "--reason", "done").code == 3
    desk.look(disk_free=1)
    assert set(desk.shelf.open) == {"disk_full"}
    assert len(desk.office.audited()) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("silence", "--reason", "x"), "CLI-215"),
        (("silence", "backlog", "--for", "tonight", "--reason", "x"), "CLI-213"),
        (("test", "taem"), "CLI-214"),
    ],
)
def test_what_is_not_understood_is_said(desk: Desk, words: tuple[str, ...], code: str) -> None:
    ran = desk.office.run("alerts", *words)

    assert (ran.code, code in ran.err) == (2, True)


def test_history_tells_what_became_of_each_message(desk: Desk) -> None:
    desk.look(disk_free=1)
    desk.look()
    desk.world.time += timedelta(minutes=10)
    desk.look()

    found = desk.office.run("alerts", "history", "disk_full", "--json").json
    assert [(one["news"], one["state"]) for one in found["messages"]] == [
        ("resolved", "delivered"),
        ("opened", "delivered"),
    ]
    assert "over after" in desk.office.run("alerts", "history").out
    assert desk.office.run("alerts", "history", "backlog").out == "There was no alert.\n"


def test_rules_shows_what_applies_and_who_is_told(desk: Desk) -> None:
    rules = {one["name"]: one for one in desk.office.run("alerts", "rules", "--json").json["rules"]}

    assert rules["disk_full"]["channels"] == ["team"]
    assert "source_unreachable" in desk.office.run("alerts", "rules").out


def test_test_sends_a_message_and_its_end(desk: Desk) -> None:
    ran = desk.office.run("alerts", "test")

    assert (ran.code, "took the message" in ran.out) == (0, True)
    assert ([alert.title for alert in desk.shelf.closed], desk.shelf.open) == (["Over: syncd is heard here"], {})


def test_test_says_which_channel_does_not_take_it(desk: Desk) -> None:
    def refuse() -> None:
        raise TryAgain(refusal("not now"))

    desk.shelf.before = refuse
    ran = desk.office.run("alerts", "test", "team", "--json")

    assert (ran.code, ran.json["channels"][0]["channel"]) == (3, "team")
    assert ran.json["channels"][0]["problem"]["code"].startswith("MEM-")
