"""Requests of Human_Resources as XML, written by hand. Pure. What is asked for is always named: an absent Response_Group or
As_Of means something else than an empty one, and two pages of one list belong together by their entry moment only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

NAMESPACE: Final = "urn:com.workday/bsvc"
_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_TEXT: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"

IDS_ONLY: Final = "<wd:Include_Reference>1</wd:Include_Reference>"
_KINDS_LEFT_OUT: Final = (
    "Location_Hierarchies",
    "Cost_Center_Hierarchies",
    "Company_Hierarchies",
    "Matrix_Organizations",
    "Pay_Groups",
    "Region_Hierarchies",
    "Funds",
    "Grants",
    "Programs",
    "Gifts",
)
WHOLE: Final = "".join(
    f"<wd:{name}>1</wd:{name}>"
    for name in (
        "Include_Reference",
        "Include_Personal_Information",
        "Include_Additional_Jobs",
        "Include_Employment_Information",
        "Include_Organizations",
        "Exclude_Organization_Support_Role_Data",
        *(f"Exclude_{kind}" for kind in _KINDS_LEFT_OUT),
        "Include_Management_Chain_Data",
        "Include_User_Account",
        "Include_Account_Provisioning",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """Which state of the tenant is asked for."""

    entered: datetime
    """What had been entered by then."""
    effective: date
    """What holds on that day. A civil date: it has no zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Transactions of some time: entered then, or taking effect then."""

    name: str
    """`Updated` or `Effective`."""
    start: datetime
    end: datetime


def workers(
    *, as_of: AsOf, page: int, count: int, group: str, references: Iterable[tuple[str, str]] = (), criteria: str = ""
) -> str:
    """Return a Get_Workers request. References and criteria are alternatives."""
    named = "".join(
        f"<wd:Worker_Reference><wd:ID wd:type={quoteattr(type_)}>{escape(value)}</wd:ID></wd:Worker_Reference>"
        for type_, value in references
    )
    # Ids that are not there are left out then, instead of refusing the whole request.
    skips = ' wd:Skip_Non_Existing_Instances="true" wd:Ignore_Invalid_References="true"'
    who = f"<wd:Request_References{skips}>{named}</wd:Request_References>" if named else ""
    who += f"<wd:Request_Criteria>{criteria}</wd:Request_Criteria>" if criteria else ""
    return _request("Get_Workers", who, _filter(as_of, page=page, count=count), group)


def organizations(types: Sequence[str], *, as_of: AsOf, page: int, count: int) -> str:
    """Return a Get_Organizations request, always by type: a tenant is full of organizations that are no units."""
    named = "".join(
        '<wd:Organization_Type_Reference><wd:ID wd:type="Organization_Type_ID">'
        f"{escape(type_)}</wd:ID></wd:Organization_Type_Reference>"
        for type_ in types
    )
    group = "".join(f"<wd:{name}>1</wd:{name}>" for name in ("Include_Roles_Data", "Include_Hierarchy_Data"))
    who = f"<wd:Request_Criteria>{named}<wd:Include_Inactive>0</wd:Include_Inactive></wd:Request_Criteria>"
    return _request("Get_Organizations", who, _filter(as_of, page=page, count=count), group)


def timestamp() -> str:
    """Return the request for Workday's own clock."""
    return f'<wd:Server_Timestamp_Get xmlns:wd="{NAMESPACE}"/>'


def transactions(windows: Iterable[Window]) -> str:
    """Return criteria for workers with transactions in any of some windows."""
    return "".join(
        "<wd:Transaction_Log_Criteria_Data><wd:Transaction_Date_Range_Data>"
        f"<wd:{window.name}_From>{_moment(window.start)}</wd:{window.name}_From>"
        f"<wd:{window.name}_Through>{_moment(window.end)}</wd:{window.name}_Through>"
        "</wd:Transaction_Date_Range_Data></wd:Transaction_Log_Criteria_Data>"
        for window in windows
    )


def same_person(universal_id: str) -> str:
    """Return criteria for every worker record of one person."""
    value = escape(universal_id)
    return f'<wd:Universal_ID_Reference><wd:ID wd:type="Universal_Identifier_ID">{value}</wd:ID></wd:Universal_ID_Reference>'


def enveloped(body: str, *, user: str = "", password: str = "") -> bytes:
    """Return the whole message; with a UsernameToken where there is a user (WS-Security, PasswordText), without a password where
    none is given: whoever signs the message proves it otherwise."""
    secret = f'<wsse:Password Type="{_TEXT}">{escape(password)}</wsse:Password>' if password else ""
    token = (
        f'<wsse:Security xmlns:wsse="{_WSSE}" env:mustUnderstand="1"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(user)}</wsse:Username>{secret}</wsse:UsernameToken></wsse:Security>"
        if user
        else ""
    )
    # Newer versions leave Descriptor attributes out unless they are asked for here.
    common = (
        f'<wd:Workday_Common_Header xmlns:wd="{NAMESPACE}"><wd:Include_Reference_Descriptors_In_Response>1'
        "</wd:Include_Reference_Descriptors_In_Response></wd:Workday_Common_Header>"
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{_SOAP}">'
        f"<env:Header>{token}{common}</env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


def _request(task: str, who: str, filter_: str, group: str) -> str:
    group = f"<wd:Response_Group>{group}</wd:Response_Group>"
    return f'<wd:{task}_Request xmlns:wd="{NAMESPACE}">{who}{filter_}{group}</wd:{task}_Request>'


def _filter(as_of: AsOf, *, page: int, count: int) -> str:
    return (
        f"<wd:Response_Filter><wd:As_Of_Effective_Date>{as_of.effective.isoformat()}</wd:As_Of_Effective_Date>"
        f"<wd:As_Of_Entry_DateTime>{_moment(as_of.entered)}</wd:As_Of_Entry_DateTime>"
        f"<wd:Page>{page}</wd:Page><wd:Count>{count}</wd:Count></wd:Response_Filter>"
    )


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
