"""The call log: what was asked of the sandbox, in order, for assertions. It keeps digests and ids, never names or numbers."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any, Final, NamedTuple

_IDS: Final = ("userid", "dept_id", "parent_id", "dept_id_list", "manager_userid", "roleId", "role_id", "cursor")
"""Parameters that name things rather than describe people."""


class CallRecord(NamedTuple):
    """One call. `at_monotonic` and `at` are seconds, `at` on the tenant's clock."""

    sequence: int
    at_monotonic: float
    at: float
    app_key: str
    interface: str
    digest: str
    ids: dict[str, Any]
    applied: bool
    """Whether the tenant is different after the call."""
    errcode: str
    """`0`, `60121`, `88/90018` or a code of the new API; what the caller would have been told had the answer arrived."""
    status: int
    fault: str
    """The fault that was injected, empty for none."""


class CallLog:
    """The last calls, oldest first."""

    __slots__ = ("_records", "total")

    def __init__(self, kept: int) -> None:
        self._records: deque[CallRecord] = deque(maxlen=kept)
        self.total = 0

    def add(self, record: CallRecord) -> None:
        self._records.append(record)

    def next_sequence(self) -> int:
        """Return the next call's number, from 1."""
        self.total += 1
        return self.total

    def since(self, sequence: int = 0, interface: str = "") -> list[CallRecord]:
        """Return the calls after a sequence number, of one interface where one is named."""
        return [
            record
            for record in self._records
            if record.sequence > sequence and (not interface or record.interface == interface)
        ]

    def clear(self) -> None:
        """Forget the calls; numbers go on."""
        self._records.clear()


def digest_of(body: bytes) -> str:
    """Return 16 hexadecimal digits that are equal for equal bodies."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def ids_of(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that name things."""
    return {name: _fit(value) for name in _IDS if (value := raw.get(name)) is not None}


def _fit(value: Any) -> int | str:
    """Return what a caller sent, whatever it is, fit for the log."""
    return value if isinstance(value, int) and abs(value) < 2**63 else str(value)[:256]
