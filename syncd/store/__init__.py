"""What syncd remembers: one database, and the only room that speaks SQL.

`Store` opens it; `Transaction` groups the questions; `rows` are the values that go in and out. Importing the package or its
`rows` does not import SQLAlchemy; asking for `Store` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncd.store.database import Store
    from syncd.store.transaction import Transaction

__all__ = ["Store", "Transaction"]


def __getattr__(name: str) -> object:
    if name == "Store":
        from syncd.store.database import Store

        return Store
    if name == "Transaction":
        from syncd.store.transaction import Transaction

        return Transaction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
