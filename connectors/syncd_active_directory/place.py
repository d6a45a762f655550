"""Where a read takes place: which server this is, in which dialect it speaks, and what is to be read there. Values only.

It is made by `directory.discover` and handed to readings, tellings, proofs and checks alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from syncd.core.model import Kind
from syncd_active_directory.decode import is_below
from syncd_active_directory.dialects import Dialect
from syncd_active_directory.schema import Syntax

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One search that a full read consists of."""

    kind: Kind
    base: str
    filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server and what is read of it."""

    dialect: Dialect
    root: Mapping[str, Sequence[bytes]]
    """The server's own entry (rootDSE) as it was when the connection was made; names in lower case."""
    server: str
    """What identifies this very server and its database (an invocation id, a contextCSN's sid); empty if unknown."""
    host: str
    """What people call the server."""
    contexts: tuple[str, ...]
    """The naming contexts of the server."""
    searches: tuple[Search, ...]
    """Units first, because people need to know their unit's id. No two searches of one kind overlap."""
    asked: Mapping[Kind, Mapping[str, Syntax]]
    """What is asked of each kind: the dialect's attributes and those that the settings add."""
    wanted: Mapping[Kind, frozenset[str]] | None = None
    """The attributes that rules read (`Room.wanted`)."""
    csn: tuple[str, ...] = ()
    """OpenLDAP's contextCSN when the connection was made; empty where it is not shown."""
    at: datetime | None = None
    """The time by our clock when the connection was made."""
    worked_out: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    """What follows from the settings and the rules alone (`once`): the same for all reads over a connection."""

    def once(self, what: object, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time. Only for what depends on nothing that `looked_again` changes."""
        found: T
        try:
            found = self.worked_out[what]
        except KeyError:
            found = self.worked_out[what] = make()
        return found

    @property
    def bases(self) -> tuple[str, ...]:
        """The names below which something is read, each once."""
        return self.once("bases", lambda: tuple(dict.fromkeys(search.base for search in self.searches)))

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that are read, in the order of reading."""
        return self.once("kinds", lambda: tuple(dict.fromkeys(search.kind for search in self.searches)))

    def of(self, kind: Kind) -> tuple[Search, ...]:
        """Return the searches of one kind."""
        return tuple(search for search in self.searches if search.kind is kind)

    def has_usual(self, kind: Kind) -> bool:
        """Tell whether objects of a kind are looked for by the dialect's own filter only."""
        return all(search.filter == self.dialect.filters[kind] for search in self.of(kind))

    def context(self, base: str) -> str:
        """Return the naming context that holds `base`; `base` itself where the server names none."""
        return max((each for each in self.contexts if is_below(base, each)), key=len, default=base)

    def is_context(self, dn: str) -> bool:
        """Tell whether a name is that of a whole naming context."""
        return dn.casefold() in {each.casefold() for each in self.contexts}

    def is_read(self, dn: str) -> bool:
        """Tell whether a name is that of a base, or stands below one."""
        return any(is_below(dn, base) for base in self.bases)

    def reads(self, kind: Kind, attribute: str) -> bool:
        """Tell whether rules may read an attribute of a kind; letters' case does not count."""
        if kind not in self.kinds:
            return False
        if self.wanted is None:
            return True
        names = self.wanted.get(kind, frozenset())
        return attribute.lower() in self.once(("reads", kind), lambda: {name.lower() for name in names})

    def digest(self) -> str:
        """Return a digest of everything that decides what is read: a cursor of another one starts over."""
        return self.once("digest", self._digest)

    def _digest(self) -> str:
        asked = sorted(
            (kind.value, name, syntax.value) for kind, each in self.asked.items() for name, syntax in each.items()
        )
        searches = [(search.kind.value, search.base.casefold(), search.filter) for search in self.searches]
        wanted = (
            None if self.wanted is None else sorted((kind.value, sorted(names)) for kind, names in self.wanted.items())
        )
        said = repr((self.dialect.name.value, asked, searches, wanted))
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
