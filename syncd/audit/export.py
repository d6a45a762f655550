"""The log for others: JSON lines that the stand-alone verifier proves, and text that people read. Changes nothing.

Exports mask people's values unless they are asked for in full. A masked line still stands in the chain; only full lines prove
their content.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.audit.entries import EntryType
from syncd.audit.masking import masked
from syncd.core.ledger import AuditRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which records. What is empty selects all."""

    subject: str = ""
    run: str = ""
    change: str = ""
    types: Collection[EntryType] = ()
    since: datetime | None = None
    """From this instant on."""
    until: datetime | None = None
    """Before this instant."""

    @property
    def everything(self) -> bool:
        """Tell whether nothing is left out, so that the export proves its own completeness."""
        return self == Selection()

    def takes(self, row: AuditRow) -> bool:
        """Tell whether a record is wanted."""
        return (
            (not self.subject or row.subject == self.subject)
            and (not self.run or row.run == self.run)
            and (not self.change or row.change == self.change)
            and (not self.types or row.type in self.types)
            and (self.since is None or row.at >= self.since)
            and (self.until is None or row.at < self.until)
        )


def json_lines(rows: Iterable[AuditRow], selection: Selection | None = None, *, full: bool = False) -> Iterator[str]:
    """Yield one line per record, without its line end; people's values only if `full`."""
    for row in _selected(rows, selection):
        proof = {"seq": row.sequence, "prev": row.prev.hex(), "hash": row.hash.hex()}
        content = {"body": row.body.decode()} if full or not _hides(row) else {"masked": _hidden(row)}
        yield json.dumps({**proof, **content}, ensure_ascii=False, separators=(",", ":"))


def readable(rows: Iterable[AuditRow], selection: Selection | None = None, *, full: bool = False) -> Iterator[str]:
    """Yield records as people read them: a line for what happened, and one per field."""
    for row in _selected(rows, selection):
        yield from _told(json.loads(row.body if full else _hidden(row)))


def _selected(rows: Iterable[AuditRow], selection: Selection | None) -> Iterator[AuditRow]:
    return iter(rows) if selection is None else filter(selection.takes, rows)


def _hides(row: AuditRow) -> bool:
    return b'"fields":' in row.body


def _hidden(row: AuditRow) -> str:
    """Return the record with old and new values masked."""
    record: Any = json.loads(row.body)
    for field in record.get("fields", ()):
        field["before"], field["after"] = masked(field["before"]), masked(field["after"])
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _told(record: dict[str, Any]) -> Iterator[str]:
    actor = record["actor"]
    words = [
        record["at"],
        f"#{record['seq']}",
        record["type"],
        record.get("op", ""),
        _whom(record),
        record.get("reason", ""),
        f"[{actor['service']}, {actor['user']}@{actor['host']}, process {actor['pid']}]",
    ]
    yield "  ".join(word for word in words if word)
    for field in record.get("fields", ()):
        rule = f"  ({field['rule']})" if field["rule"] else ""
        yield f"    {field['name']}: {_shown(field['before'])} → {_shown(field['after'])}{rule}"
    for name, fact in record.get("facts", {}).items():
        yield f"    {name} = {_shown(fact)}"


def _whom(record: dict[str, Any]) -> str:
    label, subject = record.get("label", ""), record.get("subject", "")
    return f"{label} ({subject})" if label and subject else label or subject


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
