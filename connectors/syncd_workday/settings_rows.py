"""What `syncd.yaml` says where rows are read instead of messages: custom reports (RaaS), or queries (WQL)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd_workday.messages import BAD_QUERY, WRONG_WAY

_Name = Annotated[str, Field(min_length=1)]
_Report = Annotated[str, Field(pattern=r"^[^/?#\s]+/[^/?#\s]+$")]


class Dates(StrEnum):
    """How a row writes a date that is not written as 2026-03-31."""

    YEAR_FIRST = "yyyy-mm-dd"
    MONTH_FIRST = "mm/dd/yyyy"
    DAY_FIRST = "dd/mm/yyyy"


class RowSettings(BaseModel):
    """What rows say, and what they are expected to say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Mapping[_Name, str] = Field(default_factory=dict, examples=[{"ManagerReference": "Manager/ID[WID]"}])
    """Where attributes stand, unless in the column of the same name: `Name`, `Group/Name`, `Manager/ID[Employee_ID]`. Case,
    spaces and signs between words do not count. A name of your own makes an attribute of your own."""
    unit_columns: Mapping[_Name, str] = Field(default_factory=dict)
    """The same for units."""
    dates: Dates = Dates.YEAR_FIRST
    """How dates are written. 2026-03-31 is always understood."""
    without: frozenset[str] = frozenset()
    """Attributes that need not be there although they were before."""


class ReportSettings(RowSettings):
    """Custom reports that are enabled as web service."""

    people: tuple[_Report, ...] = Field(min_length=1, examples=[["ISU_syncd/Workers_for_syncd"]])
    """The reports of workers, each as owner/name."""
    units: _Report | None = None
    """The report of organizations, as owner/name."""
    count: _Report | None = None
    """A report of one row that says how many workers there are; without it nothing but the last read tells that people are
    missing."""
    count_column: str = ""
    """Where the number of workers stands: in the row of `count`, else in each row of `people`."""
    prompts: Mapping[_Name, str] = Field(default_factory=dict, examples=[{"Effective_as_of_Date": "{today}"}])
    """What the reports ask for, with every call; `{today}` and `{now}` stand for the day and the moment of the read."""
    changed_since: str = ""
    """The prompt by which `people` returns only workers that were changed since a moment; needs `count`, by which it shows that
    somebody is gone. Empty: everything is always read."""
    beginning: str = ""
    """What that prompt is given when everything is read; empty: it is left out."""
    timeout: Duration = timedelta(minutes=30)
    """How long a report may take. Workday ends it after 30 minutes."""
    most_bytes: Annotated[int, Field(ge=1_000_000, le=2_147_483_648)] = 2_147_483_648
    """How large a report may be. Workday ends it at 2 GB."""

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.count is not None and not self.count_column:
            raise refusal(WRONG_WAY, why="`count` needs `count_column`")
        if self.changed_since and self.count is None:
            raise refusal(WRONG_WAY, why="`changed_since` needs `count`: who is gone stands in no list of changes")
        return self


class QuerySettings(RowSettings):
    """Queries in Workday's query language."""

    people: str = Field(examples=["SELECT workdayID AS WID, employeeID, fullName AS PreferredNameData FROM allWorkers"])
    """The query for workers; `{today}` and `{now}` stand for the day and the moment of the read."""
    units: str = ""
    """The query for organizations; empty: none."""
    page_size: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Rows that are asked for at once; 10,000 is quoted as the most that Workday gives."""

    @field_validator("people", "units")
    @classmethod
    def _query(cls, value: str) -> str:
        if value and "select " not in value.casefold():
            raise refusal(BAD_QUERY, why="there is no SELECT in it")
        return value
