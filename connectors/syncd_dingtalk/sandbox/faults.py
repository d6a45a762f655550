"""Faults on demand: by script (the n-th call of an interface) or by probability, with the sandbox's seeded dice.

A fault is chosen when a call arrives. `applied` says whether the call takes effect before it goes wrong: the lost answers that a
writer must survive. Faults that answer instead of the business (throttling, busy before, expired token) never apply anything.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final


class FaultKind(StrEnum):
    """What goes wrong."""

    TIMEOUT = "timeout"
    """No answer ever comes; the connection stays open until the caller gives up."""
    RESET = "reset"
    """The connection is closed without an answer."""
    HTTP_429 = "http_429"
    """HTTP 429 `system.busy`, as some services of the new API say that they are called too often."""
    HTTP_500 = "http_500"
    HTTP_503 = "http_503"
    THROTTLE = "throttle"
    """90018, or 403 QpsLimitForAppkeyAndApi."""
    GLOBAL_THROTTLE = "global_throttle"
    """90002, or 403 QpsLimitForApi."""
    QUOTA = "quota"
    """90020, or 403 ApiCountLimitForOrg."""
    BUSY = "busy"
    """-1, or HTTP 500 system.error."""
    EXPIRED_TOKEN = "expired_token"
    """The token that was used is made invalid, and the call is told so."""
    ERRCODE = "errcode"
    """The code named in `code`, whatever it is."""
    HTML = "html"
    """A web page where JSON should be."""
    MALFORMED = "malformed"
    """The true answer, cut in half."""
    SLOW = "slow"
    """The true answer, `seconds` later."""
    IP_BAN = "ip_ban"
    """The caller's address is banned, for `seconds` (300 unless told)."""


_CAN_APPLY: Final = frozenset(
    {FaultKind.TIMEOUT, FaultKind.RESET, FaultKind.HTTP_500, FaultKind.HTTP_503, FaultKind.BUSY, FaultKind.HTML}
)
_ALWAYS_APPLIES: Final = frozenset({FaultKind.MALFORMED, FaultKind.SLOW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. It strikes the `nth` call of an interface after it was set, or each call with `probability`."""

    kind: FaultKind
    interface: str = "*"
    """A path or a pattern with `*` and `?`, matched against the interface's path."""
    nth: int | None = None
    """From 1; None with a probability."""
    probability: float = 1.0
    applied: bool = False
    seconds: float = 0.0
    code: int = -1
    times: int | None = None
    """How often the rule may strike in all; None for no end."""

    @property
    def name(self) -> str:
        """Return the kind as the call log writes it, such as `timeout_after`."""
        return f"{self.kind}_{'after' if self.applied else 'before'}" if self.kind in _CAN_APPLY else self.kind


class UnknownFault(ValueError):
    """What was asked for is no fault; the text says why."""


def fault_of(spec: dict[str, Any]) -> Fault:
    """Return the fault that a control call describes; `<kind>_before` and `<kind>_after` set `applied`."""
    unknown = set(spec) - {"kind", "interface", "nth", "probability", "applied", "seconds", "code", "times"}
    if unknown:
        raise UnknownFault(f"{', '.join(sorted(unknown))}: no such property of a fault")
    word = str(spec.get("kind", ""))
    base, _, when = word.rpartition("_")
    word, applied = (base, when == "after") if when in ("before", "after") else (word, bool(spec.get("applied")))
    if word not in FaultKind.__members__.values():
        raise UnknownFault(f"{word}: no such fault; known are {', '.join(FaultKind)}")
    kind = FaultKind(word)
    if applied and kind not in _CAN_APPLY | _ALWAYS_APPLIES:
        raise UnknownFault(f"{word}: such a call is never applied")
    try:
        return _made(spec, kind, applied or kind in _ALWAYS_APPLIES)
    except (TypeError, ValueError) as error:
        raise UnknownFault(f"{word}: {error}") from None


def _made(spec: dict[str, Any], kind: FaultKind, applied: bool) -> Fault:
    nth, times = spec.get("nth"), spec.get("times")
    return Fault(
        kind=kind,
        interface=str(spec.get("interface", "*")),
        nth=None if nth is None else int(nth),
        probability=float(spec.get("probability", 1.0)),
        applied=applied,
        seconds=float(spec.get("seconds", 0.0)),
        code=int(spec.get("code", -1)),
        times=None if times is None else int(times),
    )


class _Rule:
    __slots__ = ("fault", "seen", "struck")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0

    def strikes(self, interface: str, dice: random.Random) -> bool:
        fault = self.fault
        if fault.times is not None and self.struck >= fault.times:
            return False
        if fault.interface not in ("*", interface) and not fnmatchcase(interface, fault.interface):
            return False
        self.seen += 1
        strikes = self.seen == fault.nth if fault.nth is not None else dice.random() < fault.probability
        self.struck += strikes
        return strikes


class Faults:
    """The rules in force, asked once for every call. The first rule that strikes wins; all of them count the call."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._dice = random.Random(seed)
        self._rules: list[_Rule] = []

    def set(self, faults: Iterable[Fault], *, seed: int | None = None) -> None:
        """Replace every rule and start the dice again."""
        self._rules = [_Rule(fault) for fault in faults]
        self._dice = random.Random(self._seed if seed is None else seed)

    def add(self, faults: Iterable[Fault]) -> None:
        """Add rules after those in force."""
        self._rules.extend(_Rule(fault) for fault in faults)

    def next(self, interface: str) -> Fault | None:
        """Return what goes wrong with this call of `interface`, None for nothing."""
        if not self._rules:
            return None
        struck = [rule.fault for rule in self._rules if rule.strikes(interface, self._dice)]
        return struck[0] if struck else None

    def report(self) -> list[dict[str, Any]]:
        """Return the rules with how often they were asked and struck."""
        return [
            {"kind": rule.fault.name, "interface": rule.fault.interface, "seen": rule.seen, "struck": rule.struck}
            for rule in self._rules
        ]
