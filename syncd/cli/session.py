"""What one command works with: settings, rules, store, sources and target, each opened on first use and closed at the end.

It opens and hands out; it decides nothing, reads nobody and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from syncd.core.errors import Misconfigured, Problem
from syncd.core.model import Kind
from syncd.core.ports import Consumer, Room, Sink, Source, Target, Trigger

if TYPE_CHECKING:
    from syncd.config.settings import Settings
    from syncd.engine.alerting import Alerting
    from syncd.engine.pushing import Pushing
    from syncd.engine.world import World
    from syncd.mapping import InboundRules, OutboundRules
    from syncd.store import Store


def utc_now() -> datetime:
    """Return the time of day: the one place where a command asks the system for it."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules of a configuration, checked against what sources deliver and the target holds."""

    inbound: Mapping[str, InboundRules]
    """By the source's name, in the order of `syncd.yaml`."""
    outbound: OutboundRules


class Session:
    """The parts of one command. Use it in a `with` statement."""

    def __init__(self, *, config: Path | None = None, level: str | None = None) -> None:
        """`level` overrules the configured log level."""
        self._config = config
        self._level = level
        self._open = ExitStack()
        self.now = utc_now

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def settings(self) -> Settings:
        """Load the configuration and set up logging. Raises Misconfigured with every problem of every part."""
        from syncd import telemetry
        from syncd.config.settings import load

        settings = load(self._config, env=os.environ)
        telemetry.configure(settings.logging, level=self._level)
        return settings

    @cached_property
    def rules(self) -> Rules:
        """Load every rule file. Raises Misconfigured with the problems of all of them."""
        from syncd.mapping import load_inbound, load_outbound

        problems: list[Problem] = []
        inbound: dict[str, InboundRules] = {}
        for name, entry in self.settings.sources.items():
            try:
                inbound[name] = load_inbound(entry.rules, source=name, attributes=entry.delivers, now=self.now)
            except Misconfigured as error:
                problems.extend(error.problems)
        target = self.settings.target
        try:
            outbound = load_outbound(target.rules, fields=target.plugin.fields, now=self.now)
        except Misconfigured as error:
            raise Misconfigured([*problems, *error.problems]) from None
        if not problems and any(rules.write_back for rules in inbound.values()):
            problems += self._contradictions(inbound, outbound)
        if problems:
            raise Misconfigured(problems)
        return Rules(inbound=inbound, outbound=outbound)

    def _contradictions(self, inbound: Mapping[str, InboundRules], outbound: OutboundRules) -> list[Problem]:
        """Return why what is written back cannot stand beside the other rules."""
        from syncd.mapping.write_back import contradictions

        drift = self.settings.drift
        return contradictions(
            inbound,
            outbound,
            fields=self.settings.target.plugin.fields[Kind.PERSON],
            writable={name: entry.writable for name, entry in self.settings.sources.items()},
            reverted=lambda name: drift.fields.get(name, drift.default) == "revert",
        )

    @cached_property
    def store(self) -> Store:
        """Open the state, bringing its schema up to date; it is closed with the session."""
        from syncd.store import Store

        store = Store.open(self.settings.state.connection(), now=self.now)
        self._open.callback(store.close)
        return store

    def world(self, service: str) -> World:
        """Put everything together for the engine; `service` names the command in the audit log."""
        from syncd.engine.compose import compose
        from syncd.engine.sparing import loaded

        world = compose(
            self.settings,
            self.rules.inbound,
            self.rules.outbound,
            self.store,
            make_source=self.source,
            make_target=self.target,
            make_consumer=self.consumer,
            make_trigger=self.trigger,
            now=self.now,
            service=service,
        )
        loaded()
        return world

    def again(self) -> Session:
        """Return a session that reads everything anew and works on the same open state, which stays this one's to close."""
        fresh = Session(config=self._config, level=self._level)
        fresh.now = self.now
        vars(fresh)["store"] = self.store
        vars(fresh)["pushing"] = self.pushing  # one of them, because it rings
        return fresh

    @property
    def files(self) -> frozenset[Path]:
        """Return the files that the configuration and its rules were read from."""
        rules, alerts = self.rules, self.settings.alerts.rules
        read = frozenset().union(rules.outbound.files, *(each.files for each in rules.inbound.values()))
        return read | {self.settings.path.resolve()} | ({alerts} if alerts else frozenset())

    def room(
        self,
        name: str,
        *,
        wanted: Mapping[Kind, frozenset[str]] | None = None,
        returned: frozenset[str] = frozenset(),
    ) -> Room:
        """Return what a connector is given besides its settings; of a source, what its rules read and what they write back."""
        return Room(name=name, now=self.now, base=self.settings.base, wanted=wanted, returned=returned)

    def source(self, name: str) -> Source:
        """Make the source that `syncd.yaml` calls `name`. It connects when it is entered (`async with`)."""
        entry = self.settings.sources[name]
        rules = self._rules_of(name)
        wanted, returned = (rules.reads, rules.returned) if rules is not None else (None, frozenset[str]())
        room = self.room(name, wanted=wanted, returned=returned)
        if name in self.pushed_to:
            room = replace(room, pushes=self.pushing.of(name))
        source: Source = entry.plugin(entry.settings, room)
        return source

    @cached_property
    def pushed_to(self) -> frozenset[str]:
        """Return the sources that providers push to."""
        return frozenset(name for name, one in self.settings.sources.items() if getattr(one.plugin, "pushed", False))

    @cached_property
    def pushing(self) -> Pushing:
        """Return who answers providers, and hands out what they have pushed."""
        from syncd.engine.pushing import Pushing

        return Pushing(self.store, now=self.now)

    def _rules_of(self, name: str) -> InboundRules | None:
        """Return a source's rules; None where rules are wrong, which keeps no source from being tried."""
        try:
            return self.rules.inbound[name]
        except Misconfigured:
            return None

    def sources(self) -> dict[str, Source]:
        """Make every source, in the order of `syncd.yaml`."""
        return {name: self.source(name) for name in self.settings.sources}

    def consumer(self, name: str) -> Consumer:
        """Make the consumer that `syncd.yaml` calls `name`. It connects when it is entered (`async with`)."""
        entry = self.settings.consumers[name]
        consumer: Consumer = entry.plugin(entry.settings, self.room(name))
        return consumer

    def trigger(self, name: str) -> Trigger:
        """Make the trigger that `syncd.yaml` calls `name`. It connects when it is entered (`async with`)."""
        entry = self.settings.triggers[name]
        trigger: Trigger = entry.plugin(entry.settings, self.room(name))
        return trigger

    def sink(self, name: str) -> Sink:
        """Make the channel of alerts that `syncd.yaml` calls `name`. It connects when it is entered (`async with`)."""
        entry = self.settings.alerts.channels[name]
        sink: Sink = entry.plugin(entry.settings, self.room(name))
        return sink

    def alerting(self) -> Alerting:
        """Put the alerts together for a service. Raises Misconfigured with every mistake of their rules."""
        from syncd.engine.alerting import Alerting

        return Alerting.of(self.settings.alerts, store=self.store, make_sink=self.sink, now=self.now)

    def target(self) -> Target:
        """Make the target. It connects when it is entered (`async with`)."""
        entry = self.settings.target
        try:
            wanted = {kind: frozenset(self.rules.outbound.fills(kind)) for kind in Kind}
        except Misconfigured:
            wanted = None  # wrong rules keep no target from being tried
        room = replace(self.room("target", wanted=wanted), reaches=self.settings.joiners.tell is not None)
        target: Target = entry.plugin(entry.settings, room)
        return target
