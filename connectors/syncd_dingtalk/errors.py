"""What DingTalk's refusals mean and what to do next: one table of codes, one order of questions.

Every code ends in a `Refusal`: its class says what the program does, its message what a person does. Texts of the platform
are shown only where they cannot speak of a person (permissions, addresses); for a person's own data the code and the
request's id must do. Nothing here calls, waits or repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from syncd.core.errors import Message, Problem, foreign
from syncd_dingtalk import messages as m
from syncd_dingtalk import messages_chats as mc
from syncd_dingtalk import messages_contacts as mp
from syncd_dingtalk import messages_roles as mr


class Meaning(StrEnum):
    """What a refusal asks of the program."""

    AGAIN = "again"
    """Busy or broken on their side. A write may have happened."""
    SLOWER = "slower"
    """A rate limit; nothing happened."""
    TOKEN = "token"
    """The access token is not accepted; nothing happened."""
    BANNED = "banned"
    """The whole address is shut out for minutes; nothing happened."""
    QUOTA = "quota"
    """The month's calls are used up."""
    CONFIGURATION = "configuration"
    """A right, an address or a setting; the same for every person."""
    SCOPE = "scope"
    """This object lies outside what the application may see or touch."""
    GONE = "gone"
    """There is no such person or department."""
    TAKEN = "taken"
    """What is to be created is there already, or somebody else has what it is to have."""
    INVITED = "invited"
    """The person has to agree first."""
    EARLY = "early"
    """Something that this refers to is not there yet; it may be in a moment."""
    OBJECT = "object"
    """This object's own values; no repetition helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One answer that is not a yes."""

    meaning: Meaning
    code: str
    """`60121`, `88/40014`, or a word of the new interfaces."""
    message: Message
    text: str = ""
    """The platform's words, for classes that cannot speak of people; else empty."""
    request: str = ""
    """DingTalk's id of the request, which its support asks for."""
    after: timedelta = timedelta(0)

    @property
    def one_interface(self) -> bool:
        """Tell whether other interfaces may well work."""
        return self.meaning in _OF_ONE or self.message.code in _OWN_RIGHTS

    def problem(self, **words: object) -> Problem:
        """Return the refusal as a problem. Words a message does not use are harmless."""
        told = {"code": self.code, "text": self.text or "no further words", "request": self.request or "unknown"}
        return self.message.at(None, **{"label": "the object", "holder": "another one", **told, **words})


_OF_ONE: Final = frozenset({Meaning.AGAIN, Meaning.SLOWER})
"""Meanings that say something of the interface alone that was called."""
_OWN_RIGHTS: Final = frozenset({m.PERMISSION.code, m.NO_INTERFACE.code})
"""Rights are given per interface; so these, too, leave others be."""

_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
BAN: Final = timedelta(minutes=5)
"""How long an address that made 10,000 calls within 20 s stays shut out (the throttling page)."""

_M, _O = Meaning, Meaning.OBJECT

# Codes as in DingTalk's global table and the address-book pages. Where only recalled or third-party evidence exists, the
# line says so.
_CODES: Final[Mapping[str, tuple[Meaning, Message]]] = {
    # busy: the official advice is to repeat at most three times
    "-1": (_M.AGAIN, m.BUSY),
    "15": (_M.AGAIN, m.BUSY),  # recalled
    "1002": (_M.AGAIN, m.BUSY),
    "400001": (_M.AGAIN, m.BUSY),
    "60019": (_M.AGAIN, m.BUSY),
    # rate
    "90018": (_M.SLOWER, m.RATE),
    "90002": (_M.SLOWER, m.RATE_GLOBAL),
    "90017": (_M.SLOWER, m.RATE_GLOBAL),
    "45009": (_M.SLOWER, m.RATE),
    "429": (_M.SLOWER, m.RATE),
    # token
    "40000.88": (_M.TOKEN, m.TOKEN),  # only as a sub-code; by itself 40000 is a parameter error
    "40014": (_M.TOKEN, m.TOKEN),
    "40001": (_M.TOKEN, m.TOKEN),
    "41001": (_M.TOKEN, m.TOKEN),
    "42001": (_M.TOKEN, m.TOKEN),
    "33001": (_M.TOKEN, m.TOKEN),
    # the month's calls
    "90020": (_M.QUOTA, m.QUOTA),
    # configuration
    "60011": (_M.CONFIGURATION, m.PERMISSION),
    "43007": (_M.CONFIGURATION, m.PERMISSION),
    "60020": (_M.CONFIGURATION, m.ADDRESS),
    "40096": (_M.CONFIGURATION, m.CREDENTIALS),
    "40089": (_M.CONFIGURATION, m.CREDENTIALS),
    "33009": (_M.CONFIGURATION, m.CREDENTIALS),
    "40013": (_M.CONFIGURATION, m.CREDENTIALS),
    "12012": (_M.CONFIGURATION, m.CREDENTIALS),
    "50003": (_M.CONFIGURATION, m.STOPPED),
    "50005": (_M.CONFIGURATION, m.STOPPED),
    "22": (_M.CONFIGURATION, m.NO_INTERFACE),
    "404": (_M.CONFIGURATION, m.NO_INTERFACE),
    "40020": (_M.CONFIGURATION, m.ORGANIZATION_FULL),
    "40024": (_M.CONFIGURATION, m.ORGANIZATION_FULL),
    "45024": (_M.CONFIGURATION, m.ORGANIZATION_FULL),
    "60110": (_M.CONFIGURATION, m.TOO_MANY_DEPARTMENTS),
    # scope
    "50002": (_M.SCOPE, m.SCOPE),
    "50004": (_M.SCOPE, m.SCOPE),
    # gone
    "60121": (_M.GONE, m.NO_PERSON),
    "33012": (_M.GONE, m.NO_PERSON),
    "46004": (_M.GONE, m.NO_PERSON),
    "60111": (_M.GONE, m.NO_PERSON),
    "33011": (_M.GONE, mr.NO_ROLE),
    "34021": (_M.TAKEN, mr.ROLE_TAKEN),
    "34018": (_O, mr.BAD_ROLE),
    "34020": (_O, mr.BAD_ROLE),
    "660000": (_O, mr.BAD_ROLE),
    "23004": (_O, mr.SYSTEM_ROLE),
    "22005": (_M.TAKEN, mp.CONTACT_TAKEN),
    # external contacts: of these only the numbers are documented, as a range; which says what is not
    **{str(code): (_O, mp.BAD_CONTACT) for code in range(60200, 60206)},
    "60003": (_M.GONE, m.NO_DEPARTMENT),
    "40009": (_M.GONE, m.NO_DEPARTMENT),
    # there already
    "60102": (_M.TAKEN, m.USERID_TAKEN),
    "60104": (_M.TAKEN, m.MOBILE_TAKEN),
    "60107": (_M.TAKEN, m.MOBILE_TAKEN),
    "60021": (_M.TAKEN, m.NAME_TAKEN),
    "60008": (_M.TAKEN, m.NAME_TAKEN),  # the historic number of 60021, still met
    "60016": (_M.TAKEN, m.NAME_TAKEN),
    "40103": (_M.INVITED, m.INVITED),
    # not there yet
    "60004": (_M.EARLY, m.NO_PARENT),
    "40010": (_M.EARLY, m.NO_PARENT),
    "60128": (_M.EARLY, m.NO_MANAGER),
    "40031": (_M.EARLY, m.NOT_MEMBERS),
    "60068": (_M.EARLY, m.NOT_MEMBERS),
    "40093": (_M.EARLY, mc.CHAT_OWNER),
    "60067": (_M.EARLY, mc.CHAT_OWNER),
    # a person's own values
    "40019": (_O, m.TOO_MANY_ORGANIZATIONS),
    "40021": (_O, m.MOBILE_FIXED),
    "40022": (_O, m.MOBILE_FIXED),
    "41054": (_O, m.MOBILE_FIXED),
    "60103": (_O, m.BAD_MOBILE),
    "40104": (_O, m.BAD_MOBILE),
    "60113": (_O, m.BAD_MOBILE),
    "60105": (_O, m.BAD_EMAIL),
    "60106": (_M.TAKEN, m.EMAIL_TAKEN),
    "40101": (_M.TAKEN, m.EMAIL_TAKEN),
    "40100": (_M.TAKEN, m.TELEPHONE_TAKEN),
    "60112": (_O, m.BAD_NAME),
    "60022": (_O, m.SENSITIVE),
    "60122": (_O, m.BAD_EXTENSION),
    "60118": (_O, m.BAD_EXTENSION),
    "60119": (_O, m.TOO_LONG),
    "60123": (_O, m.TOO_LONG),
    "40063": (_O, m.TOO_LONG),
    "40064": (_O, m.TOO_LONG),
    "40065": (_O, m.TOO_LONG),
    "40066": (_O, m.TOO_LONG),
    "60120": (_O, m.DISABLED),
    "12150": (_O, m.POSITIONS),
    # a department's own values
    "40023": (_O, m.DEPARTMENT_FULL),
    "60001": (_O, m.BAD_NAME),
    "60009": (_O, m.BAD_NAME),
    "60002": (_O, m.TOO_DEEP),
    "60010": (_O, m.CYCLE),
    "60005": (_O, m.NOT_EMPTY),
    "60006": (_O, m.NOT_EMPTY),
    "60007": (_O, m.ROOT),
    "60018": (_O, m.ROOT),
    "40011": (_O, m.BAD_ORDER),
    "60109": (_O, m.BAD_PERMITS),
    "600109": (_O, m.BAD_PERMITS),  # printed on the page of department/create; probably a slip for 60109
    "60510": (_O, m.BAD_PERMITS),
}
_HISTORIC_RATE: Final = range(90001, 90015)
_NOTICE_RATE: Final = frozenset(str(code) for code in (*range(143103, 143107), *range(1430000, 1430005)))
_QUIET: Final = frozenset({_O, Meaning.GONE, Meaning.TAKEN, Meaning.INVITED, Meaning.EARLY, Meaning.SCOPE})
"""Meanings whose words from the platform may name a person's values, and so are not shown."""


def old_refusal(code: int, sub_code: str, text: str, request: str) -> Refusal:
    """Return what an `errcode` other than 0 means. `88` wraps a gateway's refusal whose real code is `sub_code`."""
    wrapped = code == 88 and bool(sub_code)
    bare = sub_code if wrapped else str(code)
    meaning, told = _look_up(bare, wrapped=wrapped)
    spelled = f"88/{bare}" if wrapped else bare
    return _refusal(meaning, told, spelled, text=text, request=request)


def _look_up(bare: str, *, wrapped: bool) -> tuple[Meaning, Message]:
    if wrapped and f"{bare}.88" in _CODES:
        return _CODES[f"{bare}.88"]
    if bare in _CODES:
        return _CODES[bare]
    if bare in _NOTICE_RATE or (bare.isdecimal() and int(bare) in _HISTORIC_RATE):
        return Meaning.SLOWER, m.RATE
    return Meaning.OBJECT, m.OTHER


_NEW_LIMITS: Final = ("QpsLimit", "QpmLimit", "Throttl", "flowControl")
_NEW_BUSY: Final = ("system", "unknownError", "error.systemError", "operationTimeout", "service.timeout")
_UNAUTHENTICATED: Final = 401
_TOO_MANY: Final = 429
_BROKEN: Final = 500


def new_refusal(status: int, code: str, text: str, request: str) -> Refusal:
    """Return what a status of 400 or more from `api.dingtalk.com` means. Limits come as 403, so they are asked for first."""
    meaning, told = _new_meaning(status, code)
    return _refusal(meaning, told, code or f"HTTP {status}", text=text, request=request)


def _new_meaning(status: int, code: str) -> tuple[Meaning, Message]:
    if "ApiCountLimitForOrg" in code:
        return Meaning.QUOTA, m.QUOTA
    if status == _TOO_MANY or any(word.lower() in code.lower() for word in _NEW_LIMITS):
        return Meaning.SLOWER, m.RATE_GLOBAL if "QpsLimitForApi" in code else m.RATE
    if code in ("invalidClientIdOrSecret", "unauthorized.client", "invalid.client"):
        return Meaning.CONFIGURATION, m.CREDENTIALS
    if code == "InvalidAuthentication" or status == _UNAUTHENTICATED:
        return Meaning.TOKEN, m.TOKEN
    if "IpNotInWhiteList" in code:
        return Meaning.CONFIGURATION, m.ADDRESS
    if "AccessTokenPermissionDenied" in code or code.startswith("Forbidden"):
        return Meaning.CONFIGURATION, m.PERMISSION
    if code.startswith(_NEW_BUSY) or status >= _BROKEN:
        return Meaning.AGAIN, m.BUSY
    return Meaning.OBJECT, m.OTHER


def banned(request: str = "") -> Refusal:
    """Return the refusal of an address that is shut out, `{"status": 1111}`."""
    return _refusal(Meaning.BANNED, m.BANNED, "1111", text="", request=request)


PAGE: Final = "HTML"
"""The code of a web page in place of JSON."""


def page() -> Refusal:
    """Return the refusal of a web page where JSON should be: a box on the way, or the first sign of a ban. What was asked
    for may have been done; the rate plan takes several pages in a row for a ban."""
    return _refusal(Meaning.AGAIN, m.BANNED, PAGE, text="", request="")


def broken(status: int) -> Refusal:
    """Return the refusal of a server or gateway that is out of order."""
    return _refusal(Meaning.AGAIN, m.BUSY, f"HTTP {status}", text="", request="")


def _refusal(meaning: Meaning, told: Message, code: str, *, text: str, request: str) -> Refusal:
    words = "" if meaning in _QUIET else foreign(text)
    return Refusal(meaning=meaning, code=code, message=told, text=words, request=request, after=_wait(meaning, code))


def _wait(meaning: Meaning, code: str) -> timedelta:
    match meaning:
        case Meaning.SLOWER:
            return _MINUTE if "Qpm" in code else _SECOND
        case Meaning.BANNED:
            return BAN
        case _:
            return timedelta(0)
