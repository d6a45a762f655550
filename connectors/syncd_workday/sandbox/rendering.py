"""What the sandbox says, as Workday writes it. Pure: texts in, XML out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from syncd_workday.sandbox.store import Facts, Organization, Store, Worker

NAMESPACE: Final = "urn:com.workday/bsvc"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(slots=True, kw_only=True)
class Manner:
    """How values are written."""

    descriptors: bool = False
    offset_dates: bool = False
    yes: str = "1"
    hidden: set[str] = field(default_factory=set)
    """Domains that are not granted: their elements are missing, and no fault tells."""

    def day(self, day: date | None, name: str) -> str:
        offset = "-08:00" if self.offset_dates else ""
        return f"<wd:{name}>{day.isoformat()}{offset}</wd:{name}>" if day else ""

    def flag(self, value: bool) -> str:
        return self.yes if value else {"1": "0", "true": "false"}[self.yes]


def worker(store: Store, one: Worker, facts: Facts, *, manner: Manner, whole: bool) -> str:
    """Return a Worker element; without `whole` only who it is."""
    kind = "Contingent_Worker_ID" if one.contingent else "Employee_ID"
    name = escape(f"{facts.first} {facts.last}")
    ids = _ids(("WID", one.wid), (kind, one.number))
    universal = _ids(("WID", f"{one.wid[::-1]}"), ("Universal_Identifier_ID", one.universal))
    head = (
        f"<wd:Worker_Reference{_described(manner, name)}>{ids}</wd:Worker_Reference><wd:Worker_Descriptor>{name}"
        f"</wd:Worker_Descriptor><wd:Universal_Identifier_Reference>{universal}</wd:Universal_Identifier_Reference>"
    )
    if not whole:
        return f"<wd:Worker>{head}</wd:Worker>"
    user = f"<wd:User_ID>{escape(facts.user)}</wd:User_ID>" if facts.user else ""
    data = (
        f"<wd:Worker_ID>{escape(one.number)}</wd:Worker_ID>{user}<wd:Universal_ID>{escape(one.universal)}</wd:Universal_ID>"
        + _personal(facts, manner)
        + f"<wd:Employment_Data>{_jobs(facts, manner)}{_status(facts, manner)}</wd:Employment_Data>"
        + _organizations(store, facts, manner)
        + _chain(store, facts, manner)
        + _groups(facts)
    )
    return f"<wd:Worker>{head}<wd:Worker_Data>{data}</wd:Worker_Data></wd:Worker>"


def organization(one: Organization, *, manner: Manner) -> str:
    """Return an Organization element."""
    superior = f"<wd:Superior_Organization_Reference>{_ids(('WID', one.superior))}</wd:Superior_Organization_Reference>"
    manager = f"<wd:Manager_Reference>{_ids(('WID', one.manager))}</wd:Manager_Reference>" if one.manager else ""
    return (
        f"<wd:Organization><wd:Organization_Reference>{_ids(('WID', one.wid), ('Organization_Reference_ID', one.name))}"
        f"</wd:Organization_Reference><wd:Organization_Data><wd:Reference_ID>{escape(one.name)}</wd:Reference_ID>"
        f"<wd:Name>{escape(one.name)}</wd:Name><wd:Organization_Type_Reference>"
        f"{_ids(('Organization_Type_ID', one.type))}</wd:Organization_Type_Reference>"
        f"<wd:Inactive>{manner.flag(one.inactive)}</wd:Inactive>{manager}"
        f"<wd:Hierarchy_Data>{superior if one.superior else ''}</wd:Hierarchy_Data>"
        "</wd:Organization_Data></wd:Organization>"
    )


def response(task: str, rows: Iterable[str], *, total: int, page: int, size: int, version: str) -> bytes:
    """Return a whole message. Without rows there is no Response_Data."""
    shown = [*rows]
    pages = -(-total // size)
    data = f"<wd:Response_Data>{''.join(shown)}</wd:Response_Data>" if shown else ""
    results = "".join(
        f"<wd:{name}>{number}</wd:{name}>"
        for name, number in (
            ("Total_Results", total),
            ("Total_Pages", pages),
            ("Page_Results", len(shown)),
            ("Page", page),
        )
    )
    return enveloped(
        f"<wd:{task}_Response xmlns:wd={quoteattr(NAMESPACE)} wd:version={quoteattr(version)}>"
        f"<wd:Response_Results>{results}</wd:Response_Results>{data}</wd:{task}_Response>"
    )


def enveloped(body: str) -> bytes:
    """Return a message around a body."""
    start = f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{SOAP}">'
    return f"{start}<env:Body>{body}</env:Body></env:Envelope>".encode()


def fault(code: str, words: str, *, detail: str = "", kind: str = "Validation") -> bytes:
    """Return a fault; its envelope uses another prefix than a success does."""
    inner = (
        f"<wd:Validation_Fault><wd:Validation_Error><wd:Message>{escape(detail)}</wd:Message></wd:Validation_Error>"
        "</wd:Validation_Fault>"
        if kind == "Validation"
        else f"<wd:Processing_Fault><wd:Detail_Message>{escape(detail)}</wd:Detail_Message></wd:Processing_Fault>"
    )
    told = f"<detail>{inner}</detail>" if detail else ""
    return (
        f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{SOAP}"><SOAP-ENV:Body><SOAP-ENV:Fault xmlns:wd="{NAMESPACE}">'
        f"<faultcode>{code}</faultcode><faultstring>{escape(words)}</faultstring>{told}</SOAP-ENV:Fault></SOAP-ENV:Body>"
        "</SOAP-ENV:Envelope>"
    ).encode()


def _ids(*pairs: tuple[str, str]) -> str:
    return "".join(f"<wd:ID wd:type={quoteattr(type_)}>{escape(value)}</wd:ID>" for type_, value in pairs if value)


def _described(manner: Manner, text: str) -> str:
    return f" wd:Descriptor={quoteattr(text)}" if manner.descriptors else ""


def _personal(facts: Facts, manner: Manner) -> str:
    names = ""
    if "names" not in manner.hidden:
        local = f"<wd:Local_Name_Detail_Data wd:Local_Name={quoteattr(facts.local)}/>" if facts.local else ""
        formatted = quoteattr(f"{facts.first} {facts.last}")
        legal = (
            f"<wd:Legal_Name_Data><wd:Name_Detail_Data wd:Formatted_Name={formatted}><wd:First_Name>{escape(facts.first)}"
            f"</wd:First_Name><wd:Last_Name>{escape(facts.last)}</wd:Last_Name>{local}</wd:Name_Detail_Data></wd:Legal_Name_Data>"
        )
        preferred = (
            f"<wd:Preferred_Name_Data><wd:Name_Detail_Data wd:Formatted_Name={quoteattr(facts.preferred)}/>"
            "</wd:Preferred_Name_Data>"
            if facts.preferred
            else ""
        )
        names = f"<wd:Name_Data>{legal}{preferred}</wd:Name_Data>"
    national = (
        f"<wd:Identification_Data><wd:National_ID><wd:National_ID_Data><wd:ID>{escape(facts.national_id)}</wd:ID>"
        "</wd:National_ID_Data></wd:National_ID></wd:Identification_Data>"
        if facts.national_id
        else ""
    )
    contact = "" if "contact" in manner.hidden else f"<wd:Contact_Data>{_contact(facts, manner)}</wd:Contact_Data>"
    return f"<wd:Personal_Data>{names}{national}{contact}</wd:Personal_Data>"


def _contact(facts: Facts, manner: Manner) -> str:
    phones = ((facts.home_mobile, "HOME", False, False), (facts.mobile, "WORK", True, True))
    return "".join(
        f"<wd:Phone_Data wd:E164_Formatted_Phone={quoteattr(number)}><wd:Phone_Device_Type_Reference>"
        f"{_ids(('Phone_Device_Type_ID', 'Mobile'))}</wd:Phone_Device_Type_Reference>"
        f"{_usage(usage, public=public, primary=primary, manner=manner)}</wd:Phone_Data>"
        for number, usage, public, primary in phones
        if number
    ) + "".join(
        f"<wd:Email_Address_Data><wd:Email_Address>{escape(mail)}</wd:Email_Address>"
        # The primary one stands last, so that whoever takes the first one is found out.
        f"{_usage('WORK', public=True, primary=number == len(facts.mails), manner=manner)}</wd:Email_Address_Data>"
        for number, mail in enumerate(facts.mails, 1)
    )


def _usage(usage: str, *, public: bool, primary: bool, manner: Manner) -> str:
    return (
        f'<wd:Usage_Data wd:Public="{manner.flag(public)}"><wd:Type_Data wd:Primary="{manner.flag(primary)}">'
        f"<wd:Type_Reference>{_ids(('Communication_Usage_Type_ID', usage))}</wd:Type_Reference></wd:Type_Data></wd:Usage_Data>"
    )


def _jobs(facts: Facts, manner: Manner) -> str:
    if "position" in manner.hidden or not facts.title:
        return ""
    place = (
        f"<wd:Business_Site_Summary_Data><wd:Location_Reference>{_ids(('Location_ID', facts.location))}</wd:Location_Reference>"
        f"<wd:Name>{escape(facts.location)}</wd:Name></wd:Business_Site_Summary_Data>"
        if facts.location
        else ""
    )
    jobs = [(facts.title, True, place), (facts.second_title, False, "")]
    return "".join(
        f'<wd:Worker_Job_Data wd:Primary_Job="{manner.flag(primary)}"><wd:Position_Data>'
        f"<wd:Business_Title>{escape(title)}</wd:Business_Title><wd:Worker_Type_Reference{_described(manner, 'Regular')}>"
        f"{_ids(('Employee_Type_ID', 'REGULAR'))}</wd:Worker_Type_Reference>{site}</wd:Position_Data></wd:Worker_Job_Data>"
        for title, primary, site in jobs
        if title
    )


def _status(facts: Facts, manner: Manner) -> str:
    if "status" in manner.hidden:
        return ""
    left = facts.terminated is not None and not facts.active
    leave = (
        f"<wd:Leave_Status_Data><wd:On_Leave>{manner.flag(True)}</wd:On_Leave><wd:Leave_of_Absence_Type_Reference>"
        f"{_ids(('Leave_of_Absence_Type_ID', facts.leave))}</wd:Leave_of_Absence_Type_Reference></wd:Leave_Status_Data>"
        if facts.leave
        else ""
    )
    return (
        f"<wd:Worker_Status_Data><wd:Active>{manner.flag(facts.active)}</wd:Active>{manner.day(facts.hire, 'Hire_Date')}"
        f"<wd:Terminated>{manner.flag(left)}</wd:Terminated>{manner.day(facts.terminated, 'Termination_Date')}"
        f"<wd:Hire_Rescinded>{manner.flag(facts.rescinded)}</wd:Hire_Rescinded>"
        f"{manner.day(facts.resigned, 'Resignation_Date')}{leave}</wd:Worker_Status_Data>"
    )


def _organizations(store: Store, facts: Facts, manner: Manner) -> str:
    one = store.organizations.get(facts.organization)
    if one is None or "organizations" in manner.hidden:
        return ""
    return (
        "<wd:Organization_Data><wd:Worker_Organization_Data><wd:Organization_Reference>"
        f"{_ids(('WID', one.wid))}</wd:Organization_Reference><wd:Organization_Data><wd:Organization_Name>{escape(one.name)}"
        f"</wd:Organization_Name><wd:Organization_Type_Reference>{_ids(('Organization_Type_ID', one.type.capitalize()))}"
        "</wd:Organization_Type_Reference></wd:Organization_Data></wd:Worker_Organization_Data></wd:Organization_Data>"
    )


def _chain(store: Store, facts: Facts, manner: Manner) -> str:
    if "management_chain" in manner.hidden or not facts.organization:
        return ""
    levels = "".join(
        f"<wd:Management_Chain_Data><wd:Organization_Reference>{_ids(('WID', one.wid))}</wd:Organization_Reference>"
        + (f"<wd:Manager_Reference>{_ids(('WID', one.manager))}</wd:Manager_Reference>" if one.manager else "")
        + "</wd:Management_Chain_Data>"
        for one in store.chain(facts.organization)
    )
    return (
        "<wd:Management_Chain_Data><wd:Worker_Supervisory_Management_Chain_Data>"
        f"{levels}</wd:Worker_Supervisory_Management_Chain_Data></wd:Management_Chain_Data>"
    )


def _groups(facts: Facts) -> str:
    assigned = "".join(
        "<wd:Provisioning_Group_Assignment_Data>"
        f"<wd:Provisioning_Group>{escape(group)}</wd:Provisioning_Group><wd:Status>Assigned</wd:Status>"
        "</wd:Provisioning_Group_Assignment_Data>"
        for group in facts.groups
    )
    return f"<wd:Account_Provisioning_Data>{assigned}</wd:Account_Provisioning_Data>" if assigned else ""
