"""The reference's matrix of what an endpoint for providers must do (§6): one test for each line, but for PATCH's shapes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from support.scim_push import USER, E, Provider, opened
from syncd.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("pushed")) as made:
        yield made


@pytest.fixture
def entra(store: Store) -> Provider:
    """A provider of whom nobody knows anything yet."""
    return Provider(store, secrets.token_hex(8))


NOBODY = "3d3c1c5e-3f2a-4e43-9c3f-0d3b1d6f5f6e"


@pytest.mark.parametrize("place", ["Users", "Groups"])
def test_01_a_connection_is_tried_with_a_name_that_nobody_has(entra: Provider, place: str) -> None:
    name = "userName" if place == "Users" else "displayName"
    reply = entra.get(place, filter=f'{name} eq "{NOBODY}"')
    assert (reply.status, reply["totalResults"], reply["Resources"]) == (200, 0, [])


def test_02_a_user_is_made_with_nulls_and_a_manager_that_is_a_text(entra: Provider) -> None:
    id_ = entra.user(title=None, emails=[], roles=[], meta={"resourceType": "User"}, **{E: {"manager": "m1"}})
    found = entra.get(f"Users/{id_}").body
    assert {"title", "emails", "roles"}.isdisjoint(found)
    assert found[E] == {"manager": {"value": "m1"}}


def test_03_the_same_name_in_another_case_is_taken(entra: Provider) -> None:
    id_ = entra.user("Ayu@Example.com")
    reply = entra.ask("POST", "Users", {"schemas": [USER], "userName": "ayu@example.COM"})
    assert (reply.status, reply["scimType"]) == (409, "uniqueness")
    assert entra.get(f"Users/{id_}")["userName"] == "Ayu@Example.com", "it is returned as it was sent"
    other = entra.user("budi")
    taken = entra.patch(f"Users/{other}", {"op": "replace", "path": "userName", "value": "AYU@example.com"})
    assert taken.status == 409


def test_05_what_is_read_and_put_back_keeps_what_we_do_not_know(entra: Provider) -> None:
    own = "urn:example:params:scim:schemas:extension:badge:2.0:User"
    id_ = entra.user(**{own: {"badge": "77"}, "favourite": "kopi", E: {"department": "Keuangan"}})
    found = entra.get(f"Users/{id_}").body
    put = entra.ask("PUT", f"Users/{id_}", {**found, "title": "Staf"})
    assert (put[own], put["favourite"], put["title"]) == ({"badge": "77"}, "kopi", "Staf")
    bare = entra.ask("PUT", f"Users/{id_}", {"schemas": [USER], "userName": "ayu@okta.local"})
    assert (bare[own], bare[E], "title" in bare.body) == ({"badge": "77"}, {"department": "Keuangan"}, False)


def test_05_a_put_that_is_silent_about_it_wakes_nobody_and_empties_no_group(entra: Provider) -> None:
    id_ = entra.user(active=False)
    group = entra.group("Semua", [id_])
    assert entra.ask("PUT", f"Users/{id_}", {"userName": "ayu"})["active"] is False
    entra.ask("PUT", f"Groups/{group}", {"displayName": "Semua orang"})
    assert entra.members(group) == {id_}
    entra.ask("PUT", f"Groups/{group}", {"displayName": "Semua orang", "members": []})
    assert entra.members(group) == set()


def test_10_who_comes_back_is_in_the_same_groups(entra: Provider) -> None:
    id_ = entra.user()
    group = entra.group("Semua", [id_])
    entra.patch(f"Users/{id_}", {"op": "replace", "value": {"active": False}})
    assert entra.get("Users", filter='userName eq "ayu@okta.local"')["totalResults"] == 1, "who is inactive is found"
    back = entra.patch(f"Users/{id_}", {"op": "replace", "value": {"active": True}})
    assert [one["value"] for one in back["groups"]] == [group]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("externalId eq e-1", 1),
        ('userName eq "AYU@OKTA.LOCAL"', 1),
        ('USERNAME EQ "ayu@okta.local"', 1),
        ('externalId eq "E-1"', 0),
        ('emails eq "AYU@okta.local"', 1),
        ('emails[type eq "work"].value eq "ayu@okta.local"', 1),
        ('emails[type eq "home"].value eq "ayu@okta.local"', 0),
        ('emails[type eq "work" and value co "@okta"]', 1),
        (f'{E}:department eq "keuangan"', 1),
        (f'{USER}:userName sw "ayu"', 1),
        ("active eq true", 1),
        ('active eq "False"', 0),
        ("title pr", 0),
        ("not (title pr)", 1),
        ('title eq "x" or displayName ew "yu"', 1),
        ('(title eq "x" or displayName eq "ayu") and active eq true', 1),
        ('meta.lastModified gt "2020-01-01T00:00:00Z"', 1),
        ('meta.lastModified lt "2020-01-01T07:00:00+07:00"', 0),
        ('nobody.knows eq "this"', 0),
        ('userName eq "ayu@okta.local" and externalId eq "e-2"', 0),
    ],
)
def test_11_a_filter_finds_whom_it_means(entra: Provider, wanted: str, found: int) -> None:
    mail = {"type": "work", "value": "ayu@okta.local"}
    entra.user(externalId="e-1", displayName="Ayu", emails=[mail], **{E: {"department": "Keuangan"}})
    reply = entra.get("Users", filter=wanted)
    assert (reply.status, reply["totalResults"]) == (200, found)


def test_11_a_manager_is_checked_by_a_filter_of_ids(entra: Provider) -> None:
    id_ = entra.user(**{E: {"manager": "m1"}})
    reply = entra.get("Users", filter=f'id eq "{id_}" and {E}:manager eq "m1"', attributes="id")
    assert [set(one) for one in reply["Resources"]] == [{"id", "schemas"}]


def test_12_members_that_are_not_wanted_are_not_shown(entra: Provider) -> None:
    group = entra.group("Semua", [entra.user()])
    assert "members" in entra.get(f"Groups/{group}").body
    assert "members" not in entra.get(f"Groups/{group}", excludedAttributes="members").body
    assert "members" not in entra.get("Groups", excludedAttributes="members")["Resources"][0]
    words = {"query": {"excludedAttributes": "members"}}
    reply = entra.patch(f"Groups/{group}", {"op": "replace", "path": "displayName", "value": "Kita"}, **words)
    assert (reply["displayName"], "members" in reply.body) == ("Kita", False)


def test_13_one_of_ten_thousand_members_is_taken_out_by_one_row(entra: Provider) -> None:
    with entra.store.transaction() as tx:
        shelf = tx.pushed.shelf(entra.source, at=datetime.now(UTC))
        shelf.join(group := entra_group(shelf), [f"u{number}" for number in range(10_000)])
    reply = entra.patch(f"Groups/{group}", {"op": "remove", "path": 'members[value eq "u77"]'})
    assert (reply.status, reply.body) == (204, None), "ten thousand members are not sent back"
    assert len(entra.members(group)) == 9_999


def entra_group(shelf: object) -> str:
    from syncd.core.pushed import Sort
    from syncd.scim.resources import cleaned, entry
    from syncd.store.pushed import SourceShelf

    assert isinstance(shelf, SourceShelf)
    return shelf.add(Sort.GROUP, entry(Sort.GROUP, cleaned(Sort.GROUP, {"displayName": "Semua"}))).id


def test_15_who_is_deleted_twice_is_not_there_the_second_time(entra: Provider) -> None:
    id_ = entra.user()
    group = entra.group("Semua", [id_])
    assert entra.ask("DELETE", f"Users/{id_}").status == 204
    assert entra.ask("DELETE", f"Users/{id_}").status == 404
    assert entra.get(f"Users/{id_}").status == 404
    assert entra.members(group) == set()
    assert entra.user() != id_, "the name is free, and the id is another"


def test_16_pages_are_counted_as_the_rfc_says(entra: Provider) -> None:
    ids = [entra.user(f"user{number}") for number in range(5)]

    def page(**query: str) -> tuple[list[str], int, int]:
        reply = entra.get("Users", **query)
        return [one["id"] for one in reply["Resources"]], reply["totalResults"], reply["itemsPerPage"]

    assert page(startIndex="0") == (ids, 5, 5)
    assert page(count="-1") == ([], 5, 0)
    assert page(count="0") == ([], 5, 0)
    assert page(startIndex="3", count="2") == (ids[2:4], 5, 2)
    assert page(startIndex="5", count="100") == (ids[4:], 5, 1)
    assert page(startIndex="99") == ([], 5, 0)
    assert entra.get("Users", count="many").status == 400


def test_16_a_cursor_loses_nobody_when_rows_are_deleted_between_pages(entra: Provider) -> None:
    ids = [entra.user(f"user{number}") for number in range(6)]
    first = entra.get("Users", cursor="", count="2")
    for gone in ids[:2]:
        entra.ask("DELETE", f"Users/{gone}")
    seen, cursor = [], first["nextCursor"]
    while cursor:
        reply = entra.get("Users", cursor=cursor, count="2")
        seen += [one["id"] for one in reply["Resources"]]
        cursor = reply.body.get("nextCursor")
    assert seen == ids[2:]
    assert entra.get("Users", cursor="theirs")["scimType"] == "invalidCursor"


def test_17_a_version_that_is_over_is_refused_and_one_that_stands_is_not_sent_again(entra: Provider) -> None:
    id_ = entra.user()
    old = entra.get(f"Users/{id_}").headers["etag"]
    change = {"op": "replace", "path": "title", "value": "Staf"}
    assert entra.patch(f"Users/{id_}", change, if_match=old).status == 200
    assert entra.patch(f"Users/{id_}", change, if_match=old).status == 412
    now = entra.get(f"Users/{id_}").headers["etag"]
    assert entra.ask("GET", f"Users/{id_}", if_none_match=now).status == 304
    assert entra.patch(f"Users/{id_}", change, if_match="*").status == 200


def test_18_an_address_is_no_business_of_ours(entra: Provider) -> None:
    id_ = entra.user(emails=[{"value": "ayu@okta.local"}, "plain@test"])
    assert [one["value"] for one in entra.get(f"Users/{id_}")["emails"]] == ["ayu@okta.local", "plain@test"]


@pytest.mark.parametrize(
    "hostile",
    [
        'userName eq "',
        "userName eq",
        "userName",
        'userName like "x"',
        'userName eq "x") or (1 eq 1',
        "((" * 40 + 'userName eq "x"' + "))" * 40,
        "not (" * 40 + "title pr" + ")" * 40,
        " or ".join(['userName eq "x"'] * 500),
        'userName eq "' + "x" * 5000 + '"',
        'userName eq "\\u0000"',
        '"userName" eq "x"',
        "emails[type eq",
        "emails]",
        "a'; DROP TABLE pushed; --",
    ],
)
def test_19_a_filter_that_is_hostile_or_broken_is_refused(entra: Provider, hostile: str) -> None:
    entra.user("x")
    reply = entra.get("Users", filter=hostile)
    assert (reply.status, reply["scimType"]) == (400, "invalidFilter")


def test_19_what_looks_like_sql_is_a_text(entra: Provider) -> None:
    entra.user("budi")
    for text in ("' OR 1=1 --", "%", "_udi", '\\" or \\"1\\" eq \\"1'):
        assert entra.get("Users", filter=f'userName eq "{text}"')["totalResults"] == 0


def test_one_provider_never_sees_another_ones(entra: Provider) -> None:
    partners = Provider(entra.store, f"{entra.source}-partners")
    id_, group = entra.user(), entra.group()
    assert partners.get(f"Users/{id_}").status == 404
    assert partners.ask("DELETE", f"Groups/{group}").status == 404
    assert partners.get("Users")["totalResults"] == partners.get("Groups")["totalResults"] == 0
    assert partners.get("Users", filter=f'id eq "{id_}" or userName pr')["totalResults"] == 0
    theirs = partners.group("Semua", [id_])
    assert partners.get(f"Groups/{theirs}")["members"] == [{"value": id_}], "an id says nothing of who it is"
    assert partners.user() != id_


def test_what_is_too_large_or_too_deep_is_refused(entra: Provider) -> None:
    assert entra.ask("POST", "Users", {"userName": "x", "title": "x" * 70_000}).status == 413
    deep = b'{"userName": "x", "a": ' + b'{"a": ' * 40 + b"1" + b"}" * 41
    assert entra.ask("POST", "Users", deep).status == 400
    assert entra.ask("POST", "Users", b"[" * 100_000).status == 400
    id_ = entra.user()
    many = [{"op": "replace", "path": "title", "value": "x"}] * 1001
    assert entra.patch(f"Users/{id_}", *many).status == 413


def test_what_is_not_offered_is_said(entra: Provider) -> None:
    assert entra.get("Me").status == 501
    says = entra.get("ServiceProviderConfig").body
    assert (says["bulk"]["supported"], says["patch"]["supported"], says["sort"]["supported"]) == (True, True, False)
    assert entra.get("Schemas")["totalResults"] == 3
    assert entra.get(f"Schemas/{USER}")["id"] == USER
    assert entra.get("ResourceTypes/Group")["endpoint"] == "/Groups"
    assert entra.get("Schemas", filter="id pr").status == 403
    assert entra.get("Nothing").status == 404
    assert entra.ask("DELETE", "Users").status == 405
