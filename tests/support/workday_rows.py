"""A Workday tenant that is read by rows, in tests: what its reports and queries are called, and where things stand in them."""

from __future__ import annotations

from typing import Any, Final

from support.workday_tenant import Read, read, refusal
from syncd.config.secrets import Secret
from syncd.core.errors import Problem
from syncd_workday.sandbox import Sandbox

COLUMNS: Final = {
    "SupervisoryOrganization": "Supervisory_Organization",
    "SupervisoryOrganizationReference": "Supervisory_Organization/ID[WID]",
    "ManagerReference": "Worker's Manager/ID[WID]",
    "ProvisioningGroups": "Groups_group/Group",
}
REPORT: Final[dict[str, Any]] = {
    "people": ["ISU_example/People"],
    "units": "ISU_example/Units",
    "columns": COLUMNS,
    "unit_columns": {"Superior": "Superior/ID[WID]"},
}
QUERY: Final[dict[str, Any]] = {
    "people": "SELECT workdayID AS WID, employeeID AS EmployeeID, contingentWorkerID AS ContingentWorkerID, "
    "fullName AS PreferredNameData, businessTitle AS BusinessTitle, email_PrimaryWork AS EmailAddress, "
    "supervisoryOrganization AS unit, manager AS manager, provisioningGroups AS ProvisioningGroups, "
    "workerActive AS StatusActive, hireDate AS StatusHireDate, terminationDate AS StatusTerminationDate FROM allWorkers",
    "units": "SELECT workdayID AS WID, organizationName AS Name, superiorOrganization AS superior, manager AS Manager "
    "FROM topLevelOrganizationsAndSubordinates",
    "columns": {
        "SupervisoryOrganization": "unit",
        "SupervisoryOrganizationReference": "unit/id",
        "ManagerReference": "manager/id",
    },
    "unit_columns": {"Superior": "superior/id", "Manager": "Manager/id"},
    "page_size": 10,
}
DELTA: Final = {"changed_since": "Updated_From", "count": "ISU_example/Count", "count_column": "Total"}
CLIENT: Final = {
    "client_id": "example",
    "client_secret": Secret.literal("example-secret"),
    "refresh_token": Secret.literal("example-refresh"),
}


def by_report(**more: Any) -> dict[str, Any]:
    """Return settings that read custom reports."""
    of_source = ("delta", "ahead", "identity", "allowed_loss", "patience", "oauth", "jwt", "x509", "timezones")
    beside: dict[str, Any] = {name: more.pop(name) for name in of_source if name in more}
    return {"way": "raas", "report": {**REPORT, **more}, **beside}


def by_query(**more: Any) -> dict[str, Any]:
    """Return settings that ask queries."""
    return {"way": "wql", "oauth": CLIENT, "query": {**QUERY, **more}}


def read_report(sandbox: Sandbox, cursor: str | None = None, **more: Any) -> Read:
    """Read a tenant by its reports."""
    return read(sandbox, cursor, **by_report(**more))


def refused_report(sandbox: Sandbox, cursor: str | None = None, **more: Any) -> Problem:
    """Return what a read of reports that cannot go on says."""
    return refusal(sandbox, cursor, **by_report(**more))
