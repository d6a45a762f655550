"""Functions on phone numbers, with the phonenumbers library; never a pattern of our own.

A number that is not valid in its region is refused with the reason, without the number. What the library had to parse is
remembered, the latest 16,384 of each region, because the same number is read again by the outbound rules.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any, Final

from syncd.core.errors import Problem, foreign, message
from syncd.mapping.functions.contract import (
    TEXT,
    Arguments,
    Call,
    Example,
    Function,
    FunctionError,
    Param,
    Surroundings,
    Unfit,
)
from syncd.mapping.functions.phone_plans import Phone, plain

UNKNOWN_REGION: Final = message(
    "FUN-019",
    what='{function}: "{region}" is not a region.',
    do="Use two capital letters of ISO 3166-1, such as CN, ID, SG or HK.",
    example="via: [{e164: 62}]",
)
NOT_A_PHONE: Final = message(
    "FUN-112",
    what="{function}: the value is not a phone number in use ({why}; read as one of {region}).",
    do="Correct it in the source, with its country code if it is of another country; `syncd explain` shows the value.",
    example="via: [e164]   # on 12345",
)
NOT_MOBILE: Final = message(
    "FUN-113",
    what="{function}: the value is a phone number, but not a mobile one.",
    do="Put a mobile number into the source; DingTalk accounts are bound to mobile numbers.",
    example="via: [dingtalk_mobile]   # on a desk number",
)

_CACHE: Final = 16_384
_LONGEST: Final = 250  # phonenumbers itself refuses more; whoever sends more pays for nothing else


def _read(text: str, region: str) -> Phone | str:
    """Return the number, or why it is none."""
    return plain(text, region) or _parsed(text, region)


@functools.lru_cache(maxsize=_CACHE)
def _parsed(text: str, region: str) -> Phone | str:
    """Return the number as the library reads it, or why it is none."""
    import phonenumbers as lib

    try:
        number = lib.parse(unicodedata.normalize("NFKC", text), region)
    except lib.NumberParseException as refused:
        return _PARSE_REASONS.get(refused.error_type, "not a number")
    number.extension = None
    type_ = lib.number_type(number)
    if type_ == lib.PhoneNumberType.UNKNOWN:  # by definition what `is_valid_number` refuses
        return _LENGTH_REASONS.get(lib.is_possible_number_with_reason(number), "no number of this country begins so")
    return Phone(
        e164=lib.format_number(number, lib.PhoneNumberFormat.E164),
        country=number.country_code or 0,
        significant=lib.national_significant_number(number),
        mobile=type_ in _MOBILE_TYPES,
    )


@functools.lru_cache(maxsize=_CACHE)
def _as_national(e164: str) -> str:
    """Return a number as people write it in its own country."""
    import phonenumbers as lib

    return str(lib.format_number(lib.parse(e164), lib.PhoneNumberFormat.NATIONAL))


# phonenumbers.PhoneNumberType: MOBILE 1, FIXED_LINE_OR_MOBILE 2 (as in the North American plan)
_MOBILE_TYPES: Final = frozenset({1, 2})
# phonenumbers.NumberParseException
_PARSE_REASONS: Final = {0: "unknown country code", 2: "too short after the prefix", 3: "too short", 4: "too long"}
# phonenumbers.ValidationResult
_LENGTH_REASONS: Final = {
    1: "unknown country code",
    2: "too short",
    3: "too long",
    4: "a local number",
    5: "wrong length",
}


def _region(around: Surroundings, given: Arguments, function: str) -> str:
    region: str = given["region"] or around.default_region
    if region not in REGIONS:
        raise FunctionError(UNKNOWN_REGION.at(function=function, region=foreign(region)))
    return region


def _reader(around: Surroundings, given: Arguments, function: str, *, mobile: bool) -> Any:
    region = _region(around, given, function)

    def read(value: Any) -> Phone:
        if not isinstance(value, str):
            raise TypeError("a text is expected")
        found = _read(value, region) if len(value) <= _LONGEST else "too long"
        if isinstance(found, str):
            raise Unfit(_not_a_phone(function, found, region))
        if mobile and not found.mobile:
            raise Unfit(NOT_MOBILE.at(function=function))
        return found

    return read


@functools.lru_cache(maxsize=256)
def _not_a_phone(function: str, why: str, region: str) -> Problem:
    return NOT_A_PHONE.at(function=function, why=why, region=region)


def _e164(around: Surroundings, given: Arguments) -> Call:
    mobile, region = given["mobile"], _region(around, given, "e164")
    read = _reader(around, given, "e164", mobile=mobile)

    def call(value: Any) -> str:
        # What nearly every number is like goes without more calls than one.
        if type(value) is str and (found := plain(value, region)) and (found.mobile or not mobile):
            return found.e164
        return str(read(value).e164)

    return call


def _phone_national(around: Surroundings, given: Arguments) -> Call:
    read = _reader(around, given, "phone_national", mobile=False)
    return lambda value: _as_national(read(value).e164)


def _dingtalk_mobile(around: Surroundings, given: Arguments) -> Call:
    read, abroad = _reader(around, given, "dingtalk_mobile", mobile=True), given["corp_region"] != "CN"
    if given["corp_region"]:
        _region(around, {"region": given["corp_region"]}, "dingtalk_mobile")

    def call(value: Any) -> str:
        found = read(value)
        # Official page user-information-creation: mainland numbers as 11 digits; others as +xx-xxxxxx; where the
        # corporation itself is registered outside the mainland, mainland numbers as +86-… too.
        if found.country == _MAINLAND and not abroad:
            return str(found.significant)
        return f"+{found.country}-{found.significant}"

    return call


_CODES: Final = """
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA
CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO
RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK TL TM TN TO TR TT
TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
REGIONS: Final = frozenset(_CODES.split())
"""Those of the library (`SUPPORTED_REGIONS`; a test compares them), which takes a tenth of a start to load: only who reads a
number loads it, and on most nights nobody's has changed."""
_MAINLAND: Final = 86
_REGION: Final = Param(
    name="region",
    type="text",
    default="",
    doc="Where a number without a country code belongs (ISO 3166-1, two letters); the rule file's own if left out.",
)

FUNCTIONS: Final = (
    Function(
        name="e164",
        takes=TEXT,
        gives="text",
        doc="Writes a phone number as +, country code and digits (E.164). Blanks, dashes and brackets go, full-width digits "
        "become ordinary ones, an extension is dropped. A number that is not in use in its country is refused.",
        params=(
            _REGION,
            Param(name="mobile", type="flag", default=False, doc="Whether to refuse numbers that are not mobile."),
        ),
        examples=(
            Example(value="138 0013-8000", gives="+8613800138000"),
            Example(value="０８１２－３４５６－７８９０", args={"region": "ID"}, gives="+6281234567890"),
            Example(value="+62 812 3456 7890 ext. 5", gives="+6281234567890"),
            Example(value="12345", args={"region": "ID"}, fails="FUN-112"),
            Example(value="+86 10 6552 9988", args={"mobile": True}, fails="FUN-113"),
            Example(value="138 0013 8000", args={"region": "China"}, fails="FUN-019"),
        ),
        make=_e164,
    ),
    Function(
        name="phone_national",
        takes=TEXT,
        gives="text",
        doc="Writes a phone number as people in its own country do.",
        params=(_REGION,),
        examples=(
            Example(value="+6281234567890", gives="0812-3456-7890"),
            Example(value="+8613800138000", gives="138 0013 8000"),
            Example(value="+62 1", fails="FUN-112"),
        ),
        make=_phone_national,
    ),
    Function(
        name="dingtalk_mobile",
        takes=TEXT,
        gives="text",
        doc="Writes a mobile number as DingTalk keeps it: 11 digits for mainland China, `+62-81234567890` for all others "
        "(also Hong Kong, Macau and Taiwan). Numbers that are not mobile are refused.",
        params=(
            _REGION,
            Param(
                name="corp_region",
                type="text",
                default="CN",
                doc="Where the corporation is registered with DingTalk; outside CN, mainland numbers get their +86- too.",
            ),
        ),
        examples=(
            Example(value="+8613800138000", gives="13800138000"),
            Example(value="0812-3456-7890", args={"region": "ID"}, gives="+62-81234567890"),
            Example(value="13800138000", args={"corp_region": "ID"}, gives="+86-13800138000"),
            Example(value="+86 10 6552 9988", fails="FUN-113"),
        ),
        make=_dingtalk_mobile,
    ),
)
