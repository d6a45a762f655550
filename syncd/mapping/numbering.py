"""Candidates for a value that must be unique: the rule's own first, then the rule's others, then numbered ones.

Who has which value, nobody knows here; the engine takes the first candidate that is free.
"""

from __future__ import annotations

from collections.abc import Iterator

from syncd.mapping.functions import Unfit, numbered
from syncd.mapping.plan import Field, Numbering
from syncd.mapping.tracing import Interpreter


def candidates(value: str, plan: Field, interpreter: Interpreter) -> Iterator[str]:
    """Yield `value`, then every other candidate that the field can hold, each once."""
    rule = plan.unique or Numbering(count=0)
    told: set[str] = set()
    for candidate in _made(value, rule, interpreter):
        if candidate not in told and _fits(candidate, plan):
            told.add(candidate)
            yield candidate


def _made(value: str, rule: Numbering, interpreter: Interpreter) -> Iterator[str]:
    yield value
    for other in rule.then:
        found = interpreter.field(other).value
        if isinstance(found, str):
            yield found
    for number in range(2, rule.count + 2):
        yield numbered(value, number, rule.limit)


def _fits(candidate: str, plan: Field) -> bool:
    try:
        plan.conform(candidate)
    except Unfit:
        return False
    return True
