"""How OpenLDAP and 389 Directory Server tell who changed, by answers that were recorded or that no test server gives."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import RECORD_KINDS, Kind
from syncd_active_directory.answers import Answer, RawPage
from syncd_active_directory.changelog import ChangeLog
from syncd_active_directory.dialects_ldap import DS389, OPENLDAP, account_state, due, known_by
from syncd_active_directory.entry import Malformed, RawEntry
from syncd_active_directory.neighbours import MOST, Changed, neighbours
from syncd_active_directory.place import Place, Search
from syncd_active_directory.reading import Reading
from syncd_active_directory.settings_ldap import LdapSettings
from syncd_active_directory.stamps import Stamps
from syncd_active_directory.sync_values import Finished, Informed, finished, informed, request, stated
from syncd_active_directory.syncrepl import SyncRepl
from syncd_active_directory.trust import trust
from syncd_active_directory.ways import BEHIND
from syncd_active_directory.wire import Control, Wire

BASE = "dc=example,dc=com"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANI, BUDI = (str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("ani", "budi"))
COOKIES = [f"rid=000,csn=2026112204{minute:02}19.174213Z#000000#001#000000" for minute in range(10)]
DONE, INFO, STATE = (f"1.3.6.1.4.1.4203.1.9.1.{number}" for number in (3, 4, 2))


def place(**changed: Any) -> Place:
    values: dict[str, Any] = {
        "dialect": OPENLDAP,
        "root": {"supportedcontrol": (b"1.3.6.1.4.1.4203.1.9.1.1",)},
        "server": "s",
        "host": "ldap1",
        "contexts": (BASE,),
        "searches": (Search(kind=Kind.PERSON, base=BASE, filter="(objectClass=inetOrgPerson)"),),
        "asked": {Kind.PERSON: OPENLDAP.asked[Kind.PERSON]},
        "at": NOW,
        **changed,
    }
    return Place(**values)


def person(login: str, **attributes: bytes) -> RawEntry:
    values = {
        "objectClass": (b"inetOrgPerson",),
        "entryUUID": (str(uuid.uuid5(uuid.NAMESPACE_DNS, login)).encode(),),
        **{name: (value,) for name, value in attributes.items()},
    }
    return RawEntry(dn=f"uid={login},{BASE}", attributes=values, controls={STATE: state(login)})


def state(login: str, number: int = 1) -> bytes:
    return b"\x30\x15\x0a\x01" + bytes((number,)) + b"\x04\x10" + uuid.uuid5(uuid.NAMESPACE_DNS, login).bytes


def done(cookie: str = "", *, deletes: bool = True) -> bytes:
    told = b"\x04" + bytes((len(cookie),)) + cookie.encode() if cookie else b""
    told += b"\x01\x01\xff" if deletes else b""
    return b"\x30" + bytes((len(told),)) + told


def ids(*logins: str, deleted: bool) -> bytes:
    names = b"".join(b"\x04\x10" + uuid.uuid5(uuid.NAMESPACE_DNS, login).bytes for login in logins)
    told = (b"\x01\x01\xff" if deleted else b"") + b"\x31" + bytes((len(names),)) + names
    return b"\xa3" + bytes((len(told),)) + told


Search_ = Callable[[str, str], Sequence[RawEntry]]


class ScriptedWire(Wire):
    """A server that answers what a test wrote down."""

    def __init__(self, *answers: Answer, found: Search_ = lambda base, filter_: ()) -> None:
        values = {"servers": "ldaps://ldap1.example.com", "user": "u", "password": "p", "base": BASE}
        super().__init__("ldaps://ldap1.example.com", LdapSettings.model_validate(values), trust(None))
        self.answers = list(answers)
        self.found = found
        self.asked: list[bytes | None] = []
        self.root: Mapping[str, Sequence[bytes]] = {}

    def answer(
        self, *, base: str, filter_: str, wanted: Sequence[str], control: Control, most: int, doing: str
    ) -> Answer:
        self.asked.append(control[2])
        return self.answers.pop(0)

    def entry(self, base: str, wanted: Sequence[str], *, doing: str) -> RawEntry | None:
        return RawEntry(dn="", attributes=self.root)

    def pages(self, *, base: str, filter_: str, **_: Any) -> Iterator[RawPage]:
        yield RawPage(entries=tuple(self.found(base, filter_)))


def answer(
    *entries: RawEntry, info: Sequence[bytes] = (), cookie: str = COOKIES[2], deletes: bool = True, code: int = 0
) -> Answer:
    controls = {DONE: done(cookie, deletes=deletes)} if not code else {}
    return Answer(
        code=code, text="told", entries=entries, informed=tuple((INFO, each) for each in info), controls=controls
    )


def since(wire: ScriptedWire, mark: Mapping[str, str | int] | None = None, **changed: Any) -> Any:
    return SyncRepl(wire, place(**changed)).since(mark or {BASE: COOKIES[1]})


# --- RFC 4533 -------------------------------------------------------------------------------------------------------


def test_whoever_is_added_or_changed_is_told_with_the_new_cookie() -> None:
    told = since(ScriptedWire(answer(person("ani"))))
    assert told.changed == {ANI}
    assert told.mark[BASE] == COOKIES[2]
    assert (told.gone, told.over, told.inexact) == (frozenset(), "", "")


def test_an_answer_without_a_cookie_means_that_nothing_happened() -> None:
    told = since(ScriptedWire(answer(cookie="")))
    assert told.mark == {BASE: COOKIES[1]}
    assert (told.changed, told.over) == (frozenset(), "")


def test_what_changed_is_told_once_more_by_the_next_connection_and_not_by_the_same_one() -> None:
    wire = ScriptedWire(answer(person("ani")), answer(cookie=""), answer(person("ani")))
    telling = SyncRepl(wire, place())
    told = telling.since({BASE: COOKIES[1]})
    telling.since(told.mark)
    again = SyncRepl(wire, place()).since(told.mark)
    assert wire.asked == [request(COOKIES[at].encode()) for at in (1, 2, 1)]
    assert again.changed == {ANI}
    assert again.mark == {BASE: COOKIES[2]}


@pytest.mark.parametrize(
    "said", [{"info": [ids("budi", deleted=True)]}, {"info": [b"\x80\x01c", ids("budi", deleted=True)]}]
)
def test_whoever_is_called_deleted_and_cannot_be_seen_makes_a_delta_inexact(said: dict[str, Any]) -> None:
    told = since(ScriptedWire(answer(person("ani"), **said)))
    assert told.gone == {BUDI}
    assert told.changed == {ANI}
    assert told.inexact
    assert not told.over


def test_a_deletion_may_also_be_told_as_the_state_of_an_entry() -> None:
    gone = RawEntry(dn=f"uid=budi,{BASE}", attributes={}, controls={STATE: state("budi", 3)})
    assert since(ScriptedWire(answer(gone))).gone == {BUDI}


def test_whoever_is_called_deleted_and_can_be_seen_has_only_moved() -> None:
    wire = ScriptedWire(answer(info=[ids("budi", deleted=True)]), found=lambda base, filter_: [person("budi")])
    told = since(wire)
    assert (told.gone, told.changed, told.inexact) == (frozenset(), {BUDI}, "")


@pytest.mark.parametrize(
    "present",
    [
        answer(person("ani"), deletes=False),
        answer(info=[ids("ani", deleted=False)]),
        answer(info=[b"\xa2\x00"]),
        answer(RawEntry(dn="", attributes={}, controls={STATE: state("ani", 0)})),
    ],
)
def test_a_present_phase_starts_over(present: Answer) -> None:
    told = since(ScriptedWire(present))
    assert "names who is present" in told.over
    assert told.changed == told.gone == frozenset()


@pytest.mark.parametrize("code", [3, 4, 11, 12, 32, 4096])
def test_a_server_that_cannot_tell_starts_the_read_over(code: int) -> None:
    told = since(ScriptedWire(answer(code=code)))
    assert told.over
    assert BEHIND not in told.facts


def test_a_server_that_is_behind_is_remembered_until_the_connection_ends() -> None:
    telling = SyncRepl(ScriptedWire(answer(code=53), answer(cookie="")), place())
    assert BEHIND in telling.since({BASE: COOKIES[1]}).facts
    assert BEHIND in telling.since({BASE: COOKIES[1]}).facts


def test_a_server_that_is_busy_is_an_error() -> None:
    with pytest.raises(TryAgain):
        since(ScriptedWire(answer(code=51)))


@pytest.mark.parametrize("cookie", ["", "rid=000", "csn=20261122041919.174213Z#000000#001#000000", "garbage"])
def test_a_cookie_that_slapd_would_take_for_none_is_never_sent(cookie: str) -> None:
    wire = ScriptedWire()
    assert since(wire, {BASE: cookie}).over == "the cookie is not one of this server"
    assert wire.asked == []


def test_an_answer_that_is_garbage_starts_over() -> None:
    assert since(ScriptedWire(answer(info=[b"\xa3\x05\x31\x12\x04"]))).over
    broken = RawEntry(dn="", attributes={}, controls={STATE: b"\x30\x03\x0a\x01\x01"})
    assert since(ScriptedWire(answer(broken))).over


def test_more_changes_than_are_worth_asking_about_start_over() -> None:
    assert since(ScriptedWire(answer(*(person(f"p{number}") for number in range(MOST + 1))))).over


def test_a_group_that_changed_is_said_because_who_left_it_is_not() -> None:
    group = person("staff", objectClass=b"groupOfNames")
    assert since(ScriptedWire(answer(group))).regrouped


def test_whoever_names_what_changed_and_whoever_stands_below_is_told_too() -> None:
    def found(base: str, filter_: str) -> Sequence[RawEntry]:
        if f"(manager=uid=budi,{BASE})" in filter_:
            return [person("ani")]
        return [person("budi")] if base.startswith("ou=") else []

    unit = RawEntry(
        dn=f"ou=team,{BASE}",
        attributes={"objectClass": (b"organizationalUnit",), "entryUUID": (ANI.replace("-", "0").encode(),)},
        controls={STATE: state("team")},
    )
    assert {ANI, BUDI} < since(ScriptedWire(answer(unit), found=found)).changed


UNITS_FIRST = tuple(
    Search(kind=kind, base=BASE, filter=OPENLDAP.filters[kind]) for kind in (Kind.UNIT, Kind.PERSON, Kind.GROUP)
)


def test_people_are_known_for_people_by_their_classes_unless_units_are_by_a_filter_of_ones_own() -> None:
    usual: dict[str, Any] = {"searches": UNITS_FIRST, "asked": OPENLDAP.asked}
    assert since(ScriptedWire(answer(person("ani"))), **usual).persons
    for classes in ((b"inetOrgPerson", b"organizationalUnit"), (b"posixAccount",), ()):
        values = {**person("budi").attributes, "objectClass": classes}
        other = RawEntry(dn=f"uid=budi,{BASE}", attributes=values, controls={STATE: state("budi")})
        assert not since(ScriptedWire(answer(person("ani"), other)), **usual).persons
    someone = ScriptedWire(answer(person("ani")), found=lambda base, filter_: [person("budi")])
    assert not since(someone, **usual).persons  # whoever names her may be anything
    own = replace(UNITS_FIRST[0], filter="(employeeType=team)")
    assert not since(ScriptedWire(answer(person("ani"))), **{**usual, "searches": (own, *UNITS_FIRST[1:])}).persons


@pytest.mark.parametrize("persons", [True, False])
@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_whatever_is_sought_first_everybody_is_found_as_what_they_are(kind: Kind, persons: bool) -> None:
    asked: list[str] = []

    def found(base: str, filter_: str) -> Sequence[RawEntry]:
        asked.append(filter_)
        return [person("ani")] if filter_.startswith(f"(&{OPENLDAP.filters[kind]}") else []

    reading = Reading(ScriptedWire(found=found), place(searches=UNITS_FIRST, asked=OPENLDAP.asked))
    assert [(one, of) for one, of, _ in reading.by_ids({ANI}, persons=persons)] == [(ANI, kind)]
    order = [Kind.PERSON, Kind.UNIT, Kind.GROUP] if persons else [Kind.UNIT, Kind.PERSON, Kind.GROUP]
    assert len(asked) == order.index(kind) + 1


def test_389_writes_the_filter_into_its_cookie_and_leaves_refresh_deletes_out() -> None:
    cookie = "localhost:389#uid=svc:dc=example:(!(objectClass=*))#2"
    wire = ScriptedWire(answer(cookie=cookie), answer(cookie=cookie, deletes=False))
    telling = SyncRepl(wire, place(dialect=DS389))
    mark = telling.mark()
    assert mark == {BASE: "localhost:389#uid=svc:dc=example:(objectClass=*)#2"}
    assert telling.since(mark).over == ""


def test_389_says_ids_as_uuids_and_means_its_own() -> None:
    cookie = "localhost:389#uid=svc:dc=example:(objectClass=*)#2"
    changed = RawEntry(dn=f"uid=ani,{BASE}", attributes={"objectClass": (b"person",)}, controls={STATE: state("ani")})
    told = since(
        ScriptedWire(answer(changed, info=[ids("budi", deleted=True)], cookie=cookie, deletes=False)),
        {BASE: cookie},
        dialect=DS389,
    )
    grouped = {each: "-".join(each.replace("-", "")[at : at + 8] for at in range(0, 32, 8)) for each in (ANI, BUDI)}
    assert told.changed == {grouped[ANI]}
    assert told.gone == {grouped[BUDI]}


def test_a_server_that_gives_no_cookie_cannot_be_used() -> None:
    assert SyncRepl(ScriptedWire(answer(cookie="")), place()).refused() is not None
    assert SyncRepl(ScriptedWire(answer(code=12)), place()).refused() is not None
    assert SyncRepl(ScriptedWire(), place(root={})).refused() is not None
    assert SyncRepl(ScriptedWire(answer()), place()).refused() is None
    with pytest.raises(NeedsHuman, match="ADS-202"):
        SyncRepl(ScriptedWire(answer(code=50)), place()).mark()


# --- the values of RFC 4533 -----------------------------------------------------------------------------------------

_RECORDED = (  # by slapd 2.5.13: syncIdSet with cookie, refreshDeletes TRUE and one id
    b"\xa3\x81\xaf\x04\x81\x95rid=000,sid=001,csn=20261122045719.174213Z#000000#000#000000;20261122045930.170356Z#000000#001#000000"
    b",delcsn=20261122045930.171631Z#000000#001#000000\x01\x01\xff1\x12\x04\x10>\xa4\xb6\x14z}\x10A\x88\xc7\x7f7S\x17u\xae"
)


def test_a_recorded_message_of_slapd_is_understood() -> None:
    identity = "3ea4b614-7a7d-1041-88c7-7f37531775ae"
    assert informed(_RECORDED) == Informed(identities=frozenset({identity}), deleted=True)


def test_a_done_control_says_cookie_and_phase() -> None:
    assert finished(b"\x30\x03\x01\x01\xff") == Finished(deletes=True)
    assert finished(b"\x30\x03\x04\x01c") == Finished(cookie=b"c")


def test_a_request_says_mode_and_cookie() -> None:
    assert request(b"") == b"\x30\x03\x0a\x01\x01"
    assert request(b"c") == b"\x30\x06\x0a\x01\x01\x04\x01c"
    assert request(b"c" * 300) == b"\x30\x82\x01\x33\x0a\x01\x01\x04\x82\x01\x2c" + b"c" * 300


@pytest.mark.parametrize("garbage", [b"", b"\x30", b"\x30\x80", b"\xa3\x01\x31", b"\x30\x00\x00", b"\x05\x00", b"\xff"])
def test_garbage_is_refused(garbage: bytes) -> None:
    for read in (informed, stated, finished):
        with pytest.raises(Malformed):
            read(garbage)


# --- the changelog --------------------------------------------------------------------------------------------------


def entry(number: int, change: str = "modify", login: str = "ani", time: str = "20261122040000Z") -> RawEntry:
    values = {
        "changeNumber": (str(number).encode(),),
        "changeType": (change.encode(),),
        "targetUniqueId": (login.encode(),),
        "changeTime": (time.encode(),),
    }
    return RawEntry(
        dn=f"changeNumber={number},cn=changelog", attributes={n: v for n, v in values.items() if v != (b"",)}
    )


def changelog(*entries: RawEntry, first: int = 1) -> ChangeLog:
    def found(base: str, filter_: str) -> Sequence[RawEntry]:
        if base != "cn=changelog":
            return ()
        exact, number = ">=" not in filter_, int(filter_.strip("()").split("=")[1])
        numbers = {int(each.attributes["changeNumber"][0]): each for each in entries}
        return [each for key, each in numbers.items() if (key == number if exact else key >= number)]

    wire = ScriptedWire(found=found)
    last = max((int(each.attributes["changeNumber"][0]) for each in entries), default=0)
    wire.root = {
        "changeLog": (b"cn=changelog",),
        "firstChangeNumber": (str(first).encode(),) if entries else (),
        "lastChangeNumber": (str(last).encode(),),
    }
    return ChangeLog(wire, place(dialect=DS389))


def test_the_changelog_tells_who_changed_and_who_is_deleted() -> None:
    before = changelog(entry(1))
    mark = before.mark()
    told = changelog(entry(1), entry(2), entry(3, "delete", "budi"), entry(4, "add", "siti")).since(mark)
    assert told.changed == {"ani", "siti"}
    assert told.gone == {"budi"}
    assert told.moved == frozenset({"siti"})
    assert told.mark["number"] == 4
    assert changelog(entry(1)).since(mark).mark == mark


def test_somebody_who_was_added_and_deleted_between_two_reads_is_gone() -> None:
    told = changelog(entry(1), entry(2, "add", "budi"), entry(3, "delete", "budi")).since(changelog(entry(1)).mark())
    assert (told.changed, told.gone) == (frozenset(), frozenset({"budi"}))


def test_a_changelog_that_was_empty_is_followed_from_its_beginning() -> None:
    mark = changelog().mark()
    assert mark == {"number": 0, "entry": ""}
    assert changelog(entry(1)).since(mark).changed == {"ani"}


@pytest.mark.parametrize(
    ("now", "behind"),
    [
        (changelog(entry(9), first=9), False),
        (changelog(entry(3, time="20261122050000Z"), entry(4)), False),
        (changelog(entry(1)), True),
        (changelog(), True),
        (changelog(entry(3), entry(4, login="")), False),
    ],
)
def test_a_changelog_that_was_trimmed_made_anew_or_restored_starts_over(now: ChangeLog, behind: bool) -> None:
    told = now.since(changelog(entry(3)).mark())
    assert told.over
    assert (BEHIND in told.facts) == behind


def test_a_mark_of_another_way_starts_over() -> None:
    assert changelog(entry(1)).since({"since": "20261122040000Z"}).over


def test_a_changelog_that_cannot_be_used_says_why() -> None:
    assert changelog(entry(1)).refused() is None
    assert changelog().refused() is None
    unnamed = changelog(entry(1, login="")).refused()
    assert unnamed is not None
    assert unnamed.code == "ADS-204"
    hidden = changelog(entry(1))
    hidden._wire.found = lambda base, filter_: ()  # type: ignore[attr-defined]
    refused = hidden.refused()
    assert refused is not None
    assert refused.code == "ADS-203"


# --- timestamps -----------------------------------------------------------------------------------------------------


def test_a_window_begins_before_the_mark_and_the_mark_is_what_the_server_wrote() -> None:
    filters: list[str] = []

    def found(base: str, filter_: str) -> Sequence[RawEntry]:
        filters.append(filter_)
        return [person("ani", modifyTimestamp=b"20261122113000Z")] if "modifyTimestamp" in filter_ else []

    telling = Stamps(ScriptedWire(found=found), place())
    told = telling.since(telling.mark())
    assert filters[0] == "(modifyTimestamp>=20261122105000Z)"
    assert told.changed == {ANI}
    assert told.mark == {"since": "20261122113000Z"}
    assert not telling.tells_deletions


def test_a_stamp_of_the_future_does_not_move_the_mark() -> None:
    future = [person("ani", modifyTimestamp=b"20991122113000Z")]
    told = Stamps(ScriptedWire(found=lambda base, filter_: future), place()).since({"since": "20261122110000Z"})
    assert told.changed == {ANI}
    assert told.mark == {"since": "20261122110000Z"}


def test_marks_that_are_no_times_start_over() -> None:
    assert Stamps(ScriptedWire(), place()).since({BASE: COOKIES[0]}).over
    assert Stamps(ScriptedWire(), place(at=None)).since({"since": "20261122110000Z"}).over


# --- states ---------------------------------------------------------------------------------------------------------

_DAY = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days


@pytest.mark.parametrize(
    ("attributes", "enabled", "locked"),
    [
        ({}, True, False),
        ({"pwdAccountLockedTime": "000001010000Z"}, False, True),
        ({"pwdAccountLockedTime": "20261122110000Z"}, True, True),
        ({"nsAccountLock": True}, False, False),
        ({"loginDisabled": True}, False, False),
        ({"nsAccountLock": False}, True, False),
        ({"shadowExpire": _DAY}, False, False),
        ({"shadowExpire": _DAY + 1}, True, False),
        ({"shadowExpire": -1}, True, False),
        ({"shadowExpire": 0}, True, False),
        ({"shadowExpire": 10**12}, True, False),
        ({"krbPrincipalExpiration": "2026-11-22T11:00:00Z"}, False, False),
        ({"pwdEndTime": "2026-11-23T11:00:00Z"}, True, False),
    ],
)
def test_an_account_is_what_its_server_says_of_it(attributes: dict[str, Any], enabled: bool, locked: bool) -> None:
    state = account_state(dict(attributes), NOW)
    assert (state.enabled, state.locked) == (enabled, locked)


def test_an_expiry_in_the_future_says_when_to_look_again_and_one_in_the_past_does_not() -> None:
    attributes: dict[str, Any] = {"shadowExpire": _DAY + 2, "pwdEndTime": "2026-11-23T11:00:00Z"}
    assert account_state(attributes, NOW).review_at == datetime(2026, 11, 23, 11, tzinfo=UTC)
    assert attributes["expires"] == "2026-11-23T11:00:00Z"
    assert "pwdEndTime" not in attributes
    assert account_state({"shadowExpire": 1}, NOW).review_at is None


def test_whoever_logs_on_with_a_ticket_names_no_user_and_whoever_has_a_password_does() -> None:
    common = {"servers": "ldaps://ldap1.example.com", "base": BASE}
    assert LdapSettings.model_validate({**common, "bind": "gssapi"}).user == ""
    with pytest.raises(ValidationError) as refusal:
        LdapSettings.model_validate({**common, "password": {"env": "LDAP_PASSWORD"}})
    assert [error["type"] for error in refusal.value.errors()] == ["ADS-007"]


def test_days_are_asked_for_one_by_one_because_they_have_no_order() -> None:
    asked = due(NOW, NOW + timedelta(days=1))
    assert f"(shadowExpire={_DAY})(shadowExpire={_DAY + 1})" in asked
    assert "(shadowExpire=*)" in due(NOW, datetime(9999, 1, 1, tzinfo=UTC))


def test_an_identity_of_ones_own_replaces_the_usual_one() -> None:
    dialect = known_by(OPENLDAP, "employeeNumber")
    assert dialect.identity.matching(["a*(1)"]) == "(|(employeeNumber=a\\2a\\281\\29))"
    assert "employeeNumber" in dialect.asked[Kind.UNIT]
    assert known_by(OPENLDAP, "") is OPENLDAP
    assert replace(OPENLDAP, identity=dialect.identity).identity.attribute == "employeeNumber"


def test_whoever_names_a_changed_object_is_sought_by_what_servers_have_an_index_for() -> None:
    """Nothing but groups has `uniqueMember`: without an index of it a server would look through everybody for each change."""
    groups = Search(kind=Kind.GROUP, base=BASE, filter=OPENLDAP.filters[Kind.GROUP])
    people = Search(kind=Kind.PERSON, base=BASE, filter="(objectClass=inetOrgPerson)")
    asked = {kind: OPENLDAP.asked[kind] for kind in (Kind.PERSON, Kind.GROUP)}
    wanted = {Kind.PERSON: frozenset({"manager"}), Kind.GROUP: frozenset({"member", "uniqueMember"})}
    sought: list[str] = []

    def found(_: str, filter_: str) -> Sequence[RawEntry]:
        sought.append(filter_)
        return ()

    here = place(searches=(people, groups), asked=asked, wanted=wanted)
    ani = Changed(identity=ANI, dn=f"uid=ani,{BASE}", classes=frozenset({"inetorgperson"}))
    neighbours(ScriptedWire(found=found), here, [ani])
    named = "dc=example,dc=com"
    among = f"(|(member=uid=ani,{named})(uniqueMember=uid=ani,{named}))"
    assert sought[-1] == f"(|(manager=uid=ani,{named})(&{OPENLDAP.filters[Kind.GROUP]}{among}))"

    # Groups by a filter of one's own may be of any class.
    own = replace(groups, filter="(cn=team-*)")
    neighbours(ScriptedWire(found=found), replace(here, searches=(people, own), worked_out={}), [ani])
    assert sought[-1] == f"(|(manager=uid=ani,{named})(member=uid=ani,{named})(uniqueMember=uid=ani,{named}))"
