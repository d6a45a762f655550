"""Accounts that were made and nobody heard of it: until they are found, the source goes on. DingTalk's sandbox is the target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.unheard import Unheard
from syncd.core.model import Op
from syncd.store.rows import QueueState
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Unheard]:
    with SandboxServer(SandboxSettings(qps=None)) as server:
        world = Unheard(tmp_path, server)
        world.unit("top")
        yield world
        world.store.close()


def test_what_an_unnoticed_creation_has_said_and_the_source_says_no_longer_is_taken_away(company: Unheard) -> None:
    company.person("1", "top", title="Buyer", mail="one@example.com")
    company.sync()
    assert company.held("title") == {"e1": "Buyer"}
    company.edit("1", title=None)

    company.settle()

    assert company.held("title") == {"e1": ""}
    assert company.held("email") == {"e1": "one@example.com"}


@pytest.mark.parametrize("people", ["12", "123"])
def test_people_who_were_made_unnoticed_and_then_pass_their_addresses_around_all_get_the_new_ones(
    company: Unheard, people: str
) -> None:
    """None can take the next one's address; whoever plans has to know of all accounts to say who does without for a moment."""
    for key in people:
        company.person(key, "top", mail=f"example{key}@example.com")
    company.sync()
    wanted = {key: f"example{other}@example.com" for key, other in zip(people, people[1:] + people[0], strict=True)}
    for key, mail in wanted.items():
        company.edit(key, mail=mail)

    company.settle()

    assert company.held("email") == {f"e{key}": mail for key, mail in wanted.items()}


def test_who_was_refused_an_address_that_an_unnoticed_account_had_gets_it_when_that_account_is_found(
    company: Unheard,
) -> None:
    """Nobody knew whom the second one waits for, so no plan would see that the address has become free."""
    company.person("1", "top", mail="one@example.com")
    company.sync()
    company.edit("1", mail="other@example.com")
    company.deaf = False
    company.person("2", "top", mail="one@example.com")

    company.settle()

    assert company.held("email") == {"e1": "other@example.com", "e2": "one@example.com"}


def test_who_was_made_unnoticed_and_swaps_an_address_is_found_though_the_other_one_is_refused_before(
    company: Unheard,
) -> None:
    """Each waits for what the other has to give up; only whoever reads back finds out that there is an account."""
    company.deaf = False
    company.person("1", "top", mail="one@example.com")
    company.sync()
    company.deaf = True
    company.person("2", "top", mail="two@example.com")
    company.sync()
    company.edit("1", mail="two@example.com")
    company.edit("2", mail="one@example.com")

    company.settle()

    assert company.held("email") == {"e1": "two@example.com", "e2": "one@example.com"}


def test_who_was_not_made_and_is_refused_what_another_has_yet_to_give_up_gets_it_when_that_is_given_up(
    company: Unheard,
) -> None:
    company.deaf = False
    company.person("1", "top", mail="one@example.com")
    company.sync()
    company.deaf, company.arrives = True, False
    company.person("2", "top", mail="two@example.com")
    company.sync()
    company.edit("1", mail="three@example.com")
    company.edit("2", mail="one@example.com")
    company.lost = Op.UPDATE
    company.sync()
    with company.store.transaction() as tx:
        assert len(tx.queue.parked()) == 1
        tx.queue.retry([one.id for one in tx.queue.standing(QueueState.READY)], at=company.now())

    company.settle()

    assert company.held("email") == {"e1": "three@example.com", "e2": "one@example.com"}
