"""The names that rules can read, and the XPaths behind them: those that administrators know from other products. Pure.

Several paths of one name are tried in their order. Shipped names follow Microsoft Entra's table for v30 and later; names that we
add stand below it. `1` and `true` are both said of booleans.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from syncd.core.model import Kind

_W: Final = "wd:Worker/"
_P: Final = "wd:Worker/wd:Worker_Data/"
_N: Final = f"{_P}wd:Personal_Data/wd:Name_Data/"
_C: Final = f"{_P}wd:Personal_Data/wd:Contact_Data/"
_E: Final = f"{_P}wd:Employment_Data/"
_S: Final = f"{_E}wd:Worker_Status_Data/"
_J: Final = f"{_E}wd:Worker_Job_Data[@wd:Primary_Job='1' or @wd:Primary_Job='true']/wd:Position_Data/"
_B: Final = f"{_J}wd:Business_Site_Summary_Data/"
_A: Final = f"{_B}wd:Address_Data/"
_LEGAL: Final = f"{_N}wd:Legal_Name_Data/wd:Name_Detail_Data/"
_PREFERRED: Final = f"{_N}wd:Preferred_Name_Data/wd:Name_Detail_Data/"
_PUBLIC_WORK: Final = (
    "wd:Usage_Data[(@wd:Public='1' or @wd:Public='true') and "
    "wd:Type_Data/wd:Type_Reference/wd:ID[@wd:type='Communication_Usage_Type_ID']='WORK']"
)
_PRIMARY: Final = "wd:Usage_Data/wd:Type_Data[@wd:Primary='1' or @wd:Primary='true']"
_UPPER: Final = "translate({}, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"


def _id(path: str, type_: str) -> str:
    return f"{path}/wd:ID[@wd:type='{type_}']"


def _mail() -> tuple[str, ...]:
    every = f"{_C}wd:Email_Address_Data[{_PUBLIC_WORK}]"
    return f"{every}[{_PRIMARY}]/wd:Email_Address", f"{every}/wd:Email_Address"


def _phone(device: str) -> tuple[str, ...]:
    device_is = f"wd:Phone_Device_Type_Reference/wd:ID[@wd:type='Phone_Device_Type_ID']='{device}'"
    every = f"{_C}wd:Phone_Data[{_PUBLIC_WORK}][{device_is}]"
    forms = (
        "E164_Formatted_Phone",
        "International_Formatted_Phone",
        "Workday_Traditional_Formatted_Phone",
        "Formatted_Phone",
    )
    return tuple(f"{each}/@wd:{form}" for each in (f"{every}[{_PRIMARY}]", every) for form in forms)


def _organization(type_: str, what: str) -> tuple[str, ...]:
    type_is = _UPPER.format(
        "wd:Organization_Data/wd:Organization_Type_Reference/wd:ID[@wd:type='Organization_Type_ID']"
    )
    return (f"{_P}wd:Organization_Data/wd:Worker_Organization_Data[{type_is}='{type_}']/{what}",)


_STATUS: Final = (
    "Active_Status_Date",
    "Company_Service_Date",
    "First_Day_of_Work",
    "Continuous_Service_Date",
    "End_Employment_Date",
    "Expected_Retirement_Date",
    "Hire_Date",
    "Hire_Rescinded",
    "Original_Hire_Date",
    "Probation_Start_Date",
    "Probation_End_Date",
    "Rehire",
    "Resignation_Date",
    "Retired",
    "Retirement_Date",
    "Seniority_Date",
    "Terminated",
    "Termination_Date",
    "Termination_Involuntary",
    "Termination_Last_Day_of_Work",
)

TEXTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "WID": (_id(f"{_W}wd:Worker_Reference", "WID"),),
        "EmployeeID": (_id(f"{_W}wd:Worker_Reference", "Employee_ID"),),
        "ContingentWorkerID": (_id(f"{_W}wd:Worker_Reference", "Contingent_Worker_ID"),),
        "WorkerID": (f"{_P}wd:Worker_ID",),
        "UserID": (f"{_P}wd:User_ID",),
        "FirstName": (f"{_LEGAL}wd:First_Name",),
        "MiddleName": (f"{_LEGAL}wd:Middle_Name",),
        "LastName": (f"{_LEGAL}wd:Last_Name",),
        "PreferredFirstName": (f"{_PREFERRED}wd:First_Name", f"{_LEGAL}wd:First_Name"),
        "PreferredMiddleName": (f"{_PREFERRED}wd:Middle_Name",),
        "PreferredLastName": (f"{_PREFERRED}wd:Last_Name", f"{_LEGAL}wd:Last_Name"),
        # A preferred name may be absent; the legal one is shown then.
        "PreferredNameData": (f"{_PREFERRED}@wd:Formatted_Name", f"{_LEGAL}@wd:Formatted_Name"),
        "LocalName": (
            f"{_PREFERRED}wd:Local_Name_Detail_Data/@wd:Local_Name",
            f"{_LEGAL}wd:Local_Name_Detail_Data/@wd:Local_Name",
        ),
        "LocalFirstName": (f"{_LEGAL}wd:Local_Name_Detail_Data/wd:First_Name",),
        "LocalLastName": (f"{_LEGAL}wd:Local_Name_Detail_Data/wd:Last_Name",),
        "EmailAddress": _mail(),
        "PrimaryWorkTelephone": _phone("Landline"),
        "Mobile": _phone("Mobile"),
        "Fax": _phone("Fax"),
        "BusinessTitle": (f"{_J}wd:Business_Title",),
        "PositionID": (f"{_J}wd:Position_ID",),
        "PositionTitle": (f"{_J}wd:Position_Title",),
        "PositionTimeType": (_id(f"{_J}wd:Position_Time_Type_Reference", "Position_Time_Type_ID"),),
        "WorkerType": (
            f"{_J}wd:Worker_Type_Reference/@wd:Descriptor",
            _id(f"{_J}wd:Worker_Type_Reference", "Employee_Type_ID"),
            _id(f"{_J}wd:Worker_Type_Reference", "Contingent_Worker_Type_ID"),
        ),
        "JobProfileName": (f"{_J}wd:Job_Profile_Summary_Data/wd:Job_Profile_Name",),
        "JobFamilyID": (_id(f"{_J}wd:Job_Profile_Summary_Data/wd:Job_Family_Reference", "Job_Family_ID"),),
        "ManagementLevelID": (
            _id(f"{_J}wd:Job_Profile_Summary_Data/wd:Management_Level_Reference", "Management_Level_ID"),
        ),
        "LocationIdentifier": (_id(f"{_B}wd:Location_Reference", "Location_ID"),),
        "LocationName": (f"{_B}wd:Name",),
        "LocalReference": (_id(f"{_B}wd:Local_Reference", "Locale_ID"),),
        "WorkSpaceReference": (f"{_J}wd:Work_Space__Reference/@wd:Descriptor",),
        "AddressLineData": (f"{_A}wd:Address_Line_Data[@wd:Type='ADDRESS_LINE_1']", f"{_A}wd:Address_Line_Data"),
        "AddressLine2Data": (f"{_A}wd:Address_Line_Data[@wd:Type='ADDRESS_LINE_2']",),
        "Municipality": (f"{_A}wd:Municipality",),
        "PostalCode": (f"{_A}wd:Postal_Code",),
        "CountryRegionReference": (f"{_A}wd:Country_Region_Descriptor",),
        "CountryReferenceTwoLetter": (_id(f"{_A}wd:Country_Reference", "ISO_3166-1_Alpha-2_Code"),),
        "CountryReference": (_id(f"{_A}wd:Country_Reference", "ISO_3166-1_Alpha-3_Code"),),
        "Company": _organization("COMPANY", "wd:Organization_Data/wd:Organization_Name"),
        "SupervisoryOrganization": _organization("SUPERVISORY", "wd:Organization_Data/wd:Organization_Name"),
        "CostCenter": _organization("COST_CENTER", "wd:Organization_Data/wd:Organization_Name"),
        "CostCenterCode": _organization("COST_CENTER", "wd:Organization_Data/wd:Organization_Code"),
        "SupervisoryOrganizationReference": _organization(
            "SUPERVISORY", "wd:Organization_Reference/wd:ID[@wd:type='WID']"
        ),
        "LeaveAbsenceType": (
            _id(
                f"{_S}wd:Leave_Status_Data[wd:On_Leave='1' or wd:On_Leave='true']/wd:Leave_of_Absence_Type_Reference",
                "Leave_of_Absence_Type_ID",
            ),
        ),
        "StatusActive": (f"{_S}wd:Active",),
        **{f"Status{name.replace('_', '')}": (f"{_S}wd:{name}",) for name in _STATUS},
        "ContractEndDate": (f"{_E}wd:Worker_Contract_Data/wd:Contract_End_Date",),
        "UniversalID": (
            f"{_P}wd:Universal_ID",
            f"{_W}wd:Universal_Identifier_Reference/wd:ID[@wd:type='Universal_Identifier_ID']",
        ),
        "UserName": (f"{_P}wd:User_Account_Data/wd:User_Name",),
        "HasInternationalAssignment": (
            f"{_E}wd:International_Assignment_Summary_Data/wd:Has_International_Assignment",
        ),
        "ManagerReference": (),  # made of the management chain, see `syncd_workday.people`
        "WorkerKind": (),
        "HireDate": (),
        "EndDate": (),
        "Timezone": (),
    }
)
DATES: Final = frozenset({name for name in TEXTS if name.endswith("Date")} | {"StatusTerminationLastDayofWork"})
"""Civil dates, which may carry an offset that means nothing."""
LISTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ProvisioningGroups": f"{_P}wd:Account_Provisioning_Data/wd:Provisioning_Group_Assignment_Data"
        "[wd:Status='Assigned' or wd:Status='Activated']/wd:Provisioning_Group",
        "OtherPositions": f"{_E}wd:Worker_Job_Data[not(@wd:Primary_Job='1' or @wd:Primary_Job='true')]"
        "/wd:Position_Data/wd:Business_Title",
    }
)
UNIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("WID", "ReferenceID", "Name", "Code", "Type", "Subtype", "Manager", "Superior", "Description"), "text"
        ),
        "Inactive": "flag",
    }
)
ATTRIBUTES: Final[Mapping[Kind, Mapping[str, str]]] = MappingProxyType(
    {
        Kind.PERSON: {**dict.fromkeys(TEXTS, "text"), **dict.fromkeys(LISTS, "texts"), "Active": "flag"},
        Kind.UNIT: UNIT,
    }
)
