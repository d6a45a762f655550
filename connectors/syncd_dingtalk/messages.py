"""What the DingTalk connector can tell a person: codes DNG-001 and up, each with the next step. A table; it does nothing.

Words in braces: `label` names the person or department, `code` is DingTalk's own, `request` its id of the request, `text`
its words where they cannot speak of people.
"""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

# --- the platform or the line to it ---------------------------------------------------------------------------------

BUSY: Final = message(
    "DNG-001",
    what="DingTalk is busy or out of order ({code}, request {request}).",
    do="Nothing to do: syncd reads back and tries again. If adding people goes on failing with -1, the organization's weekly"
    " or total limit of members is reached: ask DingTalk's support.",
    example='{"errcode": -1, "errmsg": "系统繁忙"}',
)
RATE: Final = message(
    "DNG-002",
    what="DingTalk says that this application calls too often ({code}).",
    do="syncd slows down by itself. If it repeats, another program uses the same application: give syncd its own, or set"
    " `target.head_room`.",
    example='{"errcode": 88, "sub_code": "90018"}',
)
RATE_GLOBAL: Final = message(
    "DNG-003",
    what="DingTalk says that an interface is overloaded by all its customers together ({code}).",
    do="syncd waits longer each time. Full hours are the worst: move `schedule` away from them.",
    example='{"errcode": 88, "sub_code": "90002"}',
)
BANNED: Final = message(
    "DNG-004",
    what="DingTalk has shut out this machine's address for some minutes, or something between answers in its place.",
    do="Wait five minutes. If it repeats, look for other programs behind the same public address (10,000 calls in 20 s are"
    " allowed), and for a proxy that answers with a page of its own.",
    example='{"status": 1111, "punish": "deny"}',
)
QUOTA: Final = message(
    "DNG-005",
    what="The organization's calls of this month are used up ({code}).",
    do="Buy calls or wait for the next month. Address-book calls are exempt: look which other program uses them up.",
    example='{"errcode": 88, "sub_code": "90020"}',
)
TOKEN: Final = message(
    "DNG-006",
    what="DingTalk does not accept a token that it has just given ({code}, request {request}).",
    do="Check that `app_key` and `app_secret` belong to one application of this organization and that it is still enabled.",
    example='{"errcode": 88, "sub_code": "40014"}',
)
GARBLED: Final = message(
    "DNG-007",
    what="DingTalk's answer on {interface} cannot be read: {why}.",
    do="syncd tries again. If it repeats, look for a proxy that changes answers, and report it with the interface's name.",
    example="HTTP/1.1 200 OK, with a body that ends in the middle",
)
PAUSED: Final = message(
    "DNG-008",
    what="Calls to DingTalk are resting until {until}, because it asked for that ({code}).",
    do="Nothing to do; see DNG-002 to DNG-004 for the reasons.",
    example="the call after one that met DNG-004",
)

# --- rights and settings --------------------------------------------------------------------------------------------

PERMISSION: Final = message(
    "DNG-010",
    what="The application lacks a permission ({code}): {text}",
    do="Open the application in DingTalk's developer console, apply for the permission named, and publish.",
    example='{"errcode": 88, "sub_code": "60011"}',
)
ADDRESS: Final = message(
    "DNG-011",
    what="This machine's public address is not on the application's list ({code}): {text}",
    do="Add the address to the application's IP whitelist in the developer console.",
    example='{"errcode": 88, "sub_code": "60020"}',
)
CREDENTIALS: Final = message(
    "DNG-012",
    what="DingTalk does not know this pair of application key and secret ({code}).",
    do="Copy both again from the developer console (credentials of the application); a reset secret invalidates the old one.",
    example="app_key: dingoldkey",
)
STOPPED: Final = message(
    "DNG-013",
    what="The application or the organization is switched off ({code}).",
    do="Enable the application in the administration console, or ask DingTalk's support about the organization.",
    example='{"errcode": 50003}',
)
NO_INTERFACE: Final = message(
    "DNG-014",
    what="DingTalk has no such interface at this address ({code}).",
    do="Check `base_url` and `new_base_url`. The private-cloud edition speaks another protocol and is not supported.",
    example="base_url: https://api.dingtalk.com",
)
ORGANIZATION_FULL: Final = message(
    "DNG-015",
    what="The organization may not have more members ({code}).",
    do="Verify the organization with DingTalk, or buy places; until then new people are not added.",
    example='{"errcode": 40020}',
)
TOO_MANY_DEPARTMENTS: Final = message(
    "DNG-016",
    what="The organization may not have more departments ({code}).",
    do="Remove departments that are not needed, or map fewer levels.",
    example='{"errcode": 60110}',
)
SCOPE: Final = message(
    "DNG-017",
    what="{label} lies outside the address-book scope of the application ({code}).",
    do="Widen the scope in the developer console (permissions, address book: all staff), or exclude the subject in the rules.",
    example='{"errcode": 50002}',
)

# --- people ---------------------------------------------------------------------------------------------------------

NO_PERSON: Final = message(
    "DNG-020",
    what="DingTalk has no account for {label} ({code}): removed there, or an invitation was not accepted.",
    do="Nothing: where the rules say so, the next plan creates it again; `syncd drift list` shows who was removed by hand.",
    example='{"errcode": 60121}',
)
USERID_TAKEN: Final = message(
    "DNG-021",
    what="The userid chosen for {label} belongs to somebody else ({code}).",
    do="Compare the two people. If they are one, let the rules adopt (`adopt`); else change the rule for `userid`.",
    example='{"errcode": 60102}',
)
MOBILE_TAKEN: Final = message(
    "DNG-022",
    what="The mobile number of {label} belongs to another account, {holder} ({code}).",
    do="If both are the same person, adopt by mobile; else correct the number at its source, or remove the old account.",
    example='{"errcode": 60104}',
)
INVITED: Final = message(
    "DNG-023",
    what="{label} has been invited and has to agree in DingTalk first ({code}).",
    do="Ask the person to accept; syncd looks again after a day and never invites twice within 24 hours.",
    example='{"errcode": 40103}',
)
MOBILE_FIXED: Final = message(
    "DNG-024",
    what="DingTalk does not change the mobile number of an account, and that of {label} has changed ({code}).",
    do="Ask the person to change it in the app (My > Settings > Account), or an administrator in the console. With"
    " `mobile_change: recreate` syncd removes the account and creates it again, which loses its groups, roles and files.",
    example="target:\n  mobile_change: reject",
)
BAD_MOBILE: Final = message(
    "DNG-025",
    what="DingTalk refuses the mobile number of {label} ({code}).",
    do="Correct the number at its source: 11 digits for mainland China, otherwise with the country's code, such as +62-….",
    example='{"errcode": 60103}',
)
BAD_EMAIL: Final = message(
    "DNG-026",
    what="DingTalk refuses the e-mail address of {label} ({code}).",
    do="Correct the address at its source; at most 50 characters.",
    example='{"errcode": 60105}',
)
EMAIL_TAKEN: Final = message(
    "DNG-027",
    what="The e-mail address of {label} belongs to another account ({code}).",
    do="Find the other account in the console and empty its address, or correct the source. Shared mailboxes cannot be used.",
    example='{"errcode": 40101}',
)
TELEPHONE_TAKEN: Final = message(
    "DNG-028",
    what="The desk number of {label} belongs to another account ({code}).",
    do="DingTalk wants desk numbers unique: leave shared ones out with a `when:` in the rules.",
    example='{"errcode": 40100}',
)
BAD_NAME: Final = message(
    "DNG-029",
    what="DingTalk refuses the name of {label} ({code}).",
    do="A department's name has 1 to 64 characters and none of `-`, `,` and `，`; a person's at most 80.",
    example='{"errcode": 60009}',
)
SENSITIVE: Final = message(
    "DNG-030",
    what="DingTalk's word filter refuses a text of {label} ({code}).",
    do="Change the text at its source, or map it differently.",
    example='{"errcode": 60022}',
)
BAD_EXTENSION: Final = message(
    "DNG-031",
    what="DingTalk refuses the extension fields of {label} ({code}).",
    do="Every key must be a field that an administrator has created (console, address book, profile fields).",
    example='{"errcode": 60122}',
)
TOO_LONG: Final = message(
    "DNG-032",
    what="A value of {label} is too long for DingTalk ({code}).",
    do="Shorten it in the rules with `truncate`.",
    example='{"errcode": 40063}',
)
DISABLED: Final = message(
    "DNG-033",
    what="The account of {label} is disabled ({code}).",
    do="Enable it in the console, or exclude the person.",
    example='{"errcode": 60120}',
)
POSITIONS: Final = message(
    "DNG-034",
    what="DingTalk's HR product manages positions, and refuses title and department of {label} ({code}).",
    do="Switch position management off, or leave `title` and `departments` out of the rules.",
    example='{"errcode": 12150}',
)
TOO_MANY_ORGANIZATIONS: Final = message(
    "DNG-035",
    what="{label} belongs to five unverified organizations already, and DingTalk allows no more ({code}).",
    do="Ask the person to leave one of them, or verify the organization.",
    example='{"errcode": 40019}',
)
NO_MANAGER: Final = message(
    "DNG-036",
    what="The manager of {label} has no account yet ({code}).",
    do="Nothing: syncd tries again. If it goes on, the manager is parked or excluded; see `syncd status`.",
    example='{"errcode": 60128}',
)
RECREATING: Final = message(
    "DNG-037",
    what="The account of {label} was removed in order to change its mobile number, and could not be created again yet.",
    do="Nothing: syncd tries again, and the next full look at DingTalk creates the account in any case.",
    example="target:\n  mobile_change: recreate",
)
PROTECTED: Final = message(
    "DNG-038",
    what="{label} is an administrator of DingTalk, whom syncd does not remove.",
    do="Take the administrator's role away in the console first, or exclude the person.",
    example="target:\n  protect_admins: main",
)

# --- departments ----------------------------------------------------------------------------------------------------

NO_DEPARTMENT: Final = message(
    "DNG-040",
    what="DingTalk has no such department for {label} ({code}).",
    do="If somebody removed it in the console, the next full look at DingTalk creates it again.",
    example='{"errcode": 60003}',
)
NO_PARENT: Final = message(
    "DNG-041",
    what="A department that {label} belongs to is not there yet ({code}).",
    do="Nothing: syncd tries again in a moment.",
    example='{"errcode": 60004}',
)
NAME_TAKEN: Final = message(
    "DNG-042",
    what="Under the parent of {label} there is a department of that name that syncd did not make: {holder} ({code}).",
    do="Let the rules adopt it by name (`adopt`), or rename one of the two.",
    example='{"errcode": 60021}',
)
NOT_MEMBERS: Final = message(
    "DNG-043",
    what="Somebody who shall lead {label} is not a member of it ({code}).",
    do="syncd tries again after people have moved. If it goes on, make the leaders members, or leave `managers` out.",
    example='{"errcode": 60068}',
)
DEPARTMENT_FULL: Final = message(
    "DNG-044",
    what="A department of {label} is full: DingTalk allows 1,000 members ({code}).",
    do="Split the department, or ask DingTalk's support to raise the limit.",
    example='{"errcode": 40023}',
)
TOO_DEEP: Final = message(
    "DNG-045",
    what="{label} would lie deeper than DingTalk allows (20 levels, {code}).",
    do="Leave levels out in the rules.",
    example='{"errcode": 60002}',
)
CYCLE: Final = message(
    "DNG-046",
    what="{label} would lie below itself ({code}).",
    do="Correct the parents at their source.",
    example='{"errcode": 60010}',
)
NOT_EMPTY: Final = message(
    "DNG-047",
    what="{label} still has members or departments, so it is not removed ({code}).",
    do="Look who is left in the console: people whom syncd does not manage have to be moved by hand.",
    example='{"errcode": 60005}',
)
ROOT: Final = message(
    "DNG-048",
    what="{label} is the root, which nobody may change ({code}).",
    do="Check `root_department`, and which unit the rules take for the company itself.",
    example='{"errcode": 60018}',
)
BAD_ORDER: Final = message(
    "DNG-049",
    what="DingTalk refuses the order of {label} ({code}).",
    do="Orders are whole numbers above 0.",
    example='{"errcode": 40011}',
)
BAD_PERMITS: Final = message(
    "DNG-050",
    what="DingTalk refuses who may see {label} ({code}).",
    do="At most 50 people and departments together; every one must exist.",
    example='{"errcode": 60109}',
)
NOT_OURS: Final = message(
    "DNG-051",
    what="{label} was not made by syncd, so it is not removed.",
    do="Remove it in the console if it is not needed.",
    example="a department without `source_identifier`, adopted by name",
)
OTHER: Final = message(
    "DNG-060",
    what="DingTalk refuses {label} ({code}, request {request}).",
    do="Look the code up in DingTalk's error table; its support asks for the request's id.",
    example='{"errcode": 40035}',
)
UNSETTLED: Final = message(
    "DNG-061",
    what="It is not known whether the change of {label} took effect; DingTalk answers neither the change nor the question.",
    do="Nothing: syncd reads back first when it tries again.",
    example="the network fails between the call and its answer, and stays down",
)
IMPOSSIBLE: Final = message(
    "DNG-062",
    what="The change of {label} cannot be said to DingTalk: {why}.",
    do="Correct the rule of the field named.",
    example='hired_date: "soon"',
)

# --- checks ---------------------------------------------------------------------------------------------------------

CLOCK: Final = message(
    "DNG-070",
    what="This machine's clock differs from DingTalk's by {seconds} s.",
    do="Switch time synchronization on (`timedatectl set-ntp true`).",
    example="date -s yesterday",
)
PARTIAL: Final = message(
    "DNG-071",
    what="The application sees only a part of the organization: {why}.",
    do="Widen the address-book scope to all staff; until then syncd takes nobody for gone.",
    example="scope: one department",
)
HIDDEN: Final = message(
    "DNG-072",
    what="Fields are hidden from the application: {fields}.",
    do="Apply for 企业员工手机号信息 (mobile) and 邮箱等个人信息 (email, work place, remark, extension); hidden fields are"
    " written when an account is created and never compared.",
    example="an application without fieldMobile",
)
NO_CREDENTIALS: Final = message(
    "DNG-073",
    what="The target has neither `app_key` and `app_secret` nor a `sandbox`.",
    do="Enter the application's key and secret, or `sandbox: {{}}` to try syncd out.",
    example="target:\n  type: dingtalk",
)
NO_ROOT: Final = message(
    "DNG-074",
    what="The department {department} named as `root_department` is not there.",
    do="Name an existing department's id; 1 is the organization itself.",
    example="root_department: 404",
)

# --- events -----------------------------------------------------------------------------------------------------------

CALLBACK_REFUSED: Final = message(
    "DNG-080",
    what="A callback that claims to come from DingTalk was refused: {why}.",
    do="Compare token, AES key and application with DingTalk's console, and this machine's clock with the time. If they are"
    " right, somebody else sends to this address.",
    example="POST /v1/dingtalk/dingtalk?signature=0000…",
)
CALLBACK_KEY: Final = message(
    "DNG-081",
    what="`events.aes_key` is not the AES key of a callback: those have 43 letters and digits.",
    do="Copy the key from the event subscription in DingTalk's console.",
    example="target:\n  events: {mode: callback, aes_key: {env: DINGTALK_AES_KEY}}   # and the variable holds something else",
)
STREAM_DOWN: Final = message(
    "DNG-082",
    what="The event connection to DingTalk is down.",
    do="Nothing to do: syncd opens it again by itself, and looks at the whole target on its schedule. If it stays down, the log"
    " line names the cause by its code; allow this machine wss connections to wss-open-connection.dingtalk.com.",
    example="A firewall that lets HTTPS pass and cuts WebSockets.",
)
NO_CALLBACK_SECRETS: Final = message(
    "DNG-083",
    what="`events: {{mode: callback}}` needs `token` and `aes_key`.",
    do="Copy both from the event subscription in DingTalk's console, best as {{env: …}}, {{file: …}} or {{credential: …}}.",
    example="target:\n  events: {mode: callback}",
)
