"""What is pushed, on each of the two databases: resources, members, numbers and tokens, asked for as providers and sources do."""

from __future__ import annotations

from datetime import timedelta

from support.scim_push import E, Provider, token
from support.stores import NOON
from syncd.core.pushed import Sort
from syncd.store import Store


def test_what_providers_send_is_kept_alike(store: Store) -> None:
    entra, others = Provider(store), Provider(store, "partners")
    theirs = others.user("ayu")
    ids = [entra.user(f"ayu{n}", externalId=f"x{n}", **{E: {"department": "Pajak"}}) for n in range(5)]
    group = entra.group("Semua", [*ids, theirs])
    assert entra.ask("POST", "Users", {"userName": "AYU1"}).status == 409
    found = [
        entra.get("Users", filter=text)["totalResults"]
        for text in ('userName eq "AYU1"', 'externalId eq "x2"', f'{E}:department eq "pajak"')
    ]
    assert found == [1, 1, 5]
    page = entra.get("Users", cursor="", count="2")
    rest = entra.get("Users", cursor=page["nextCursor"], count="10")
    assert [one["id"] for one in (*page["Resources"], *rest["Resources"])] == ids
    remove = {"op": "remove", "path": f'members[value eq "{ids[0]}"]'}
    assert (
        entra.patch(f"Groups/{group}", remove, {"op": "add", "path": "members", "value": [{"value": ids[1]}]}).status
        == 200
    )
    assert entra.members(group) == {*ids[1:], theirs}
    assert entra.get(f"Users/{ids[0]}").body.get("groups") is None
    assert entra.get(f"Users/{ids[1]}")["groups"][0]["value"] == group
    assert entra.ask("DELETE", f"Users/{ids[1]}").status == 204
    assert entra.get("Groups", filter=f'members.value eq "{ids[2]}"')["totalResults"] == 1
    assert entra.members(group) == {*ids[2:], theirs}
    bulk = {
        "method": "POST",
        "path": "/Groups",
        "bulkId": "a",
        "data": {"displayName": "A", "members": [{"value": "bulkId:a"}]},
    }
    assert entra.ask("POST", "Bulk", {"Operations": [bulk]})["Operations"][0]["status"] == "201"
    assert (entra.count(), others.count()) == (4, 1)


def test_what_changed_is_found_by_its_number(store: Store) -> None:
    entra = Provider(store)
    one, two = entra.user("one"), entra.user("two")
    with store.reading() as tx:
        before = tx.pushed.last("entra")
    entra.patch(f"Users/{one}", {"op": "add", "path": "title", "value": "x"})
    entra.ask("DELETE", f"Users/{two}")
    with store.reading() as tx:
        upto = tx.pushed.last("entra")
        changed, gone = tx.pushed.since("entra", after=before, upto=upto, most=10)
        assert tx.pushed.last("partners") == 0
        assert tx.pushed.shelf("entra", at=NOON).count(Sort.USER) == 1
    assert [kept.id for kept in changed] == [one]
    assert [id_ for id_, _ in gone] == [two]


def test_tokens_are_kept_with_their_times(store: Store) -> None:
    row = token("syncd_example", "entra", note="x", expires_at=NOON + timedelta(days=1))
    with store.transaction() as tx:
        tx.tokens.add(row)
    with store.transaction() as tx:
        assert tx.tokens.all() == [row]
        assert tx.tokens.revoke(row.id, at=NOON)
        assert not tx.tokens.revoke(row.id, at=NOON)
        (kept,) = tx.tokens.all()
    assert kept.revoked_at == NOON
    assert not kept.valid(NOON)
