"""The three systems of a company through a year: Workday's sandbox, a real Active Directory, and partners pushed by SCIM.

Whatever is done to a system is written into the book at once, as its administrators would tell a clerk of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from support.year_directory import DirectoryYear
from support.year_office import Office
from support.year_partners import PartnersYear
from support.year_workday import WorkdayYear


@dataclass(frozen=True, kw_only=True)
class Systems:
    """What administrators have in front of them."""

    office: Office
    workday: WorkdayYear
    directory: DirectoryYear
    partners: PartnersYear

    def found(self, *, workers: int, partners: int, at: datetime) -> None:
        """Write down what the directory holds, and fill the two others."""
        self.directory.found()
        self.workday.found(workers)
        for _ in range(partners):
            self.partners.partner_comes(at)
        self.office.told.clear()

    def happens(self, at: datetime, events: int) -> None:
        """Let so many things happen."""
        weights = [weight for weight, _ in self._doings]
        for doing in self.office.chance.choices([one for _, one in self._doings], weights, k=events):
            doing(at)
            self.office.book.turn(at)

    @property
    def _doings(self) -> list[tuple[int, Callable[[datetime], None]]]:
        """Return what may happen, and how often beside the others."""
        return [
            (5, self.workday.worker_comes),
            (1, self.workday.hire_is_rescinded),
            (4, self.workday.worker_leaves),
            (2, self.workday.worker_returns),
            (5, self.workday.worker_moves),
            (1, self.workday.worker_is_transferred),
            (1, self.workday.worker_is_on_leave),
            (2, self.workday.worker_is_converted),
            (2, self.workday.organization_changes),
            (1, self.workday.organizations_are_merged),
            (4, self.directory.account_is_made),
            (8, self.directory.account_changes),
            (3, self.directory.account_is_closed),
            (1, self.directory.account_is_opened),
            (1, self.directory.unit_is_renamed),
            (3, self.partners.partner_comes),
            (4, self.partners.partner_changes),
        ]
