"""What the systems of a company have in common: the book that is kept of them, chance, and numbers that nobody has yet."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field

from support.year_book import Book

TITLES = ("Staf", "Analis", "工程师", "Konsultan", "Manajer")


@dataclass(kw_only=True)
class Office:
    """One company's."""

    book: Book
    chance: random.Random
    told: list[str] = field(default_factory=list)
    """What happened, for whoever looks into a failure."""
    given: int = 700_000

    def about(self, accounts: Collection[str]) -> str:
        """Return what was told of the people with these accounts, a line each."""
        keys = {one.key for one in self.book.people.values() if one.account in accounts}
        return "\n".join(line for line in self.told if any(key in line for key in keys))

    def number(self) -> str:
        """Return an employee number that nobody has."""
        self.given += 1
        return f"{self.given:06}"
