"""From the configuration to a world: the one place where settings become the engine's own terms. It opens nothing itself."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from syncd.audit.entries import Actor
from syncd.audit.log import AuditLog, ValuesRule
from syncd.config.ending import ends_of
from syncd.core.belief import OF, Condition, WordTerms
from syncd.core.correlation import JoinRules
from syncd.core.matching import Confidence, steps
from syncd.core.model import Observed, SourceName
from syncd.core.ports import Consumer, Source, Target, Trigger
from syncd.engine.world import DriftRule, DriftTerms, GuardTerms, JoinerTerms, LeaverTerms, Seat, World, WriterTerms

if TYPE_CHECKING:
    from syncd.config.drift import DriftSettings
    from syncd.config.joiners import JoinerSettings
    from syncd.config.parts import GuardSettings, JoinSettings, LeaverSettings, WriterSettings
    from syncd.config.settings import Settings
    from syncd.core.values import Value
    from syncd.mapping import InboundRules, OutboundRules
    from syncd.store import Store, Transaction

AUDIT_KEY: Final = "audit.digest"


def compose(
    settings: Settings,
    inbound: Mapping[str, InboundRules],
    outbound: OutboundRules,
    store: Store,
    *,
    make_source: Callable[[str], Source],
    make_target: Callable[[], Target],
    make_consumer: Callable[[str], Consumer],
    make_trigger: Callable[[str], Trigger],
    now: Callable[[], datetime],
    service: str,
) -> World:
    """Return the world that `settings` describe; `service` is what runs (`syncd sync`), for the audit log."""
    seats = {
        name: Seat(name=name, make=partial(make_source, name), rules=inbound[name])
        for name in map(SourceName, settings.sources)
    }
    return World(
        store=store,
        audit=audit_log(settings, store, service),
        seats=seats,
        target_name=settings.target.type,
        make_target=make_target,
        outbound=outbound,
        join=_join(settings.join, seats, settings.leavers.timezone),
        now=now,
        config_digest=config_digest(settings, inbound, outbound),
        program=version("syncd"),
        leavers=_leavers(settings.leavers),
        joiners=_joiners(settings.joiners),
        guard=_guard(settings.guard),
        writer=_writer(settings.writer),
        drift=_drift(settings.drift),
        observe_every=settings.schedule.observe_every,
        full_every=settings.schedule.full_every,
        consumers={name: partial(make_consumer, name) for name in settings.consumers},
        triggers={name: partial(make_trigger, name) for name in settings.triggers},
        ends=partial(ends_of, settings),
    )


def audit_log(settings: Settings, store: Store, service: str) -> AuditLog[Transaction]:
    """Return the audit log of a database; the rule `digest` gets a secret that the database keeps for itself."""
    values = ValuesRule(settings.audit.values)
    key = b""
    if values is ValuesRule.DIGEST:
        with store.transaction() as tx:
            key = tx.meta.secret(AUDIT_KEY)
    return AuditLog(store.audit, actor=Actor.here(service), values=values, key=key)


def config_digest(settings: Settings, inbound: Mapping[str, InboundRules], outbound: OutboundRules) -> bytes:
    """Return a digest of everything that decides results, the tables that rules read included."""
    sum_ = hashlib.blake2b(settings.digest(), digest_size=16)
    for name in sorted(inbound):
        sum_.update(inbound[name].digest)
    sum_.update(outbound.digest)
    return sum_.digest()


def _join(settings: JoinSettings, seats: Mapping[SourceName, Seat], timezone: str) -> JoinRules:
    probable = steps(settings.suggest, Confidence.PROBABLE)
    return JoinRules(
        sources=tuple(seats),
        correlate=(*steps(settings.correlate), *probable),
        of={SourceName(name): (*steps(texts), *probable) for name, texts in settings.correlate_by_source.items()},
        precedence={
            name: tuple(SourceName(word.source) for word in order) for name, order in settings.precedence.items()
        },
        terms=terms_of(settings),
        refers={name: seat.rules.refers for name, seat in seats.items()},
        timezone=timezone,
    )


def terms_of(settings: JoinSettings) -> dict[tuple[str, SourceName], WordTerms]:
    """Return on what terms the word of a source counts for an attribute, where there are any."""
    return {
        (name, SourceName(word.source)): WordTerms(
            when=tuple(_condition(key, wanted) for key, wanted in word.when.items()), max_age=word.max_age
        )
        for name, order in settings.precedence.items()
        for word in order
        if word.when or word.max_age is not None
    }


def _condition(key: str, wanted: Sequence[Value]) -> Condition:
    speaker, _, attribute = key.rpartition(OF)
    return Condition(attribute=attribute, wanted=tuple(wanted), source=SourceName(speaker) if speaker else None)


def _leavers(settings: LeaverSettings) -> LeaverTerms:
    return LeaverTerms(
        hold=settings.policy == "hold",
        grace=settings.grace,
        department=settings.department,
        timezone=settings.timezone,
        absent_leaves=settings.absent == "leaver",
        hand_over=settings.hand_over != "keep",
        deputies=settings.hand_over == "deputy",
        within=settings.within,
    )


def _joiners(settings: JoinerSettings) -> JoinerTerms:
    return JoinerTerms(
        ahead=settings.ahead,
        department=settings.department,
        tell=settings.tell,
        say=frozenset(settings.say),
        language=settings.language,
    )


def _writer(settings: WriterSettings) -> WriterTerms:
    return WriterTerms(
        concurrency=settings.concurrency,
        retries=tuple(settings.retries),
        leaver_retries=tuple(settings.leaver_retries),
        circuits=settings.quarantine.judged_by(),
    )


def _drift(settings: DriftSettings) -> DriftTerms:
    return DriftTerms(
        default=DriftRule(settings.default),
        fields={name: DriftRule(rule) for name, rule in settings.fields.items()},
        deleted=DriftRule(settings.deleted),
    )


def _guard(settings: GuardSettings) -> GuardTerms:
    return GuardTerms(
        limits=settings.judged_by(),
        plan_only_first=settings.first_run == "plan_only",
        shrink_percent=settings.shrink_percent,
        window=settings.window,
        hold_expires=settings.hold_expires,
        protected=protects(settings.protected),
    )


def protects(patterns: list[str]) -> Callable[[Observed], bool]:
    """Return the test for accounts that are never touched: target ids as they stand, names with `*`."""
    ids = frozenset(patterns)
    wild = [pattern.casefold() for pattern in patterns if "*" in pattern or "?" in pattern]

    def protected(seen: Observed) -> bool:
        return seen.target_id in ids or any(
            fnmatch.fnmatchcase(text.casefold(), pattern) for pattern in wild for text in (seen.target_id, seen.label)
        )

    return protected
