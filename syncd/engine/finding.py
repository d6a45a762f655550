"""Whom an operator means: by id, number, login, address, name, or the account's id in the target. Never a guess between two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from syncd.core.errors import NeedsHuman, message
from syncd.core.model import Kind, TargetId
from syncd.store import Transaction
from syncd.store.rows import FoundRecord

NOBODY: Final = message(
    "EXP-001",
    what="Nobody is known as {who!r}.",
    do="Give a name, an employee number, a login, an e-mail address or a userid; run `syncd plan` first if nothing was read yet.",
    example="syncd explain 'Nobody Like That'",
)
SEVERAL: Final = message(
    "EXP-002",
    what="{who!r} is said of {count}: {names}.",
    do="Say it more exactly: take one of the ids.",
    example="syncd explain Li",
)
_NAMED: Final = 10
"""How many of several are named."""


def find(tx: Transaction, who: str, *, target: str = "") -> FoundRecord:
    """Return the one subject that `who` names, by one of its records. Raises NeedsHuman if there is none, or more than one.

    A name that is exactly `who` wins over names that contain it; `target` lets an account's id be given too.
    """
    found: Sequence[FoundRecord] = tx.records.find(who)
    whole = [one for one in found if one.label.casefold() == who.casefold()]
    found = whole or found or _of_account(tx, who, target)
    if not found:
        raise NeedsHuman(NOBODY.at(who=who))
    subjects = {one.subject or f"{one.source}/{one.native_id}" for one in found}
    if len(subjects) > 1:
        names = ", ".join(f"{one.label} ({one.kind} {one.native_id})" for one in found[:_NAMED])
        raise NeedsHuman(SEVERAL.at(who=who, count=len(subjects), names=names))
    return found[0]


def _of_account(tx: Transaction, who: str, target: str) -> list[FoundRecord]:
    links = [tx.links.find(target, kind, TargetId(who)) for kind in Kind] if target else []
    return [
        FoundRecord(source=row.source, kind=row.kind, native_id=row.native_id, label=row.label, subject=link.subject)
        for link in links
        if link is not None
        for row in tx.records.of_subject(link.subject)
    ]
