"""The contract suite of messengers: the numbered rules of `syncd.core.ports.Messenger`, as tests with the same numbers.

A messenger's author writes a `Post` (how to open the messenger, and what people have got) and

    class TestMyMessenger(MessengerContract):
        @pytest.fixture
        def post(self, tmp_path): return MyPost(tmp_path)
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import pytest

from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.model import TargetId
from syncd.core.ports import Messenger

Letter = tuple[str, str]
"""Title and text."""


class Post(ABC):
    """A messenger, its people, and what they have got."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Secrets that the messenger is opened with; they may be seen nowhere."""
    people: ClassVar[tuple[TargetId, TargetId]] = (TargetId("ada"), TargetId("budi"))
    """Two who can be reached."""
    stranger: ClassVar[TargetId] = TargetId("nobody")
    """One who cannot."""

    @abstractmethod
    def open(self) -> Messenger:
        """Return the messenger, not yet entered. Called several times: each knows what the one before it knew."""

    @abstractmethod
    def got(self, person: TargetId) -> list[Letter]:
        """Return what a person has got, in order, known from elsewhere than from the messenger."""

    @abstractmethod
    def trouble(self) -> None:
        """Make the platform refuse everything for a while."""

    @abstractmethod
    def lose_the_answer(self) -> bool:
        """Make the platform do the next call and lose the answer; False if that cannot be told from trouble."""

    @abstractmethod
    def heal(self) -> None:
        """End the trouble."""


class MessengerContract:
    """Subclass me, and give me a fixture `post`."""

    @pytest.fixture
    def post(self) -> Post:
        raise NotImplementedError("give the suite a fixture `post`")

    def test_01_one_key_is_seen_once_and_its_first_text_stands(self, post: Post) -> None:
        ada, budi = post.people

        for text in ("Welcome.", "Welcome again."):
            assert send(post, "k1", post.people, text=text) == frozenset()

        assert [text for _, text in post.got(ada)] == ["Welcome."]
        assert [text for _, text in post.got(budi)] == ["Welcome."]

    def test_02_another_key_is_another_message_even_with_the_same_text(self, post: Post) -> None:
        ada, _ = post.people

        for key in ("k1", "k2"):
            send(post, key, [ada], text="Two units are waiting.")

        assert len(post.got(ada)) == 2

    def test_03_one_key_reaches_those_whom_it_has_not_reached(self, post: Post) -> None:
        ada, budi = post.people

        send(post, "k1", [ada])
        send(post, "k1", [ada, budi])

        assert (len(post.got(ada)), len(post.got(budi))) == (1, 1)

    def test_04_who_cannot_be_reached_is_named_and_keeps_nobody_else(self, post: Post) -> None:
        ada, _ = post.people

        assert send(post, "k1", [post.stranger, ada]) == {post.stranger}

        assert len(post.got(ada)) == 1

    def test_05_what_is_too_long_is_cut(self, post: Post) -> None:
        ada, _ = post.people

        assert send(post, "k1", [ada], title="例" * 5_000, text="例" * 200_000) == frozenset()

        [(title, text)] = post.got(ada)
        assert 0 < len(title) < 5_000
        assert 0 < len(text) < 200_000

    def test_05_nobody_is_nothing(self, post: Post) -> None:
        assert send(post, "k1", []) == frozenset()
        assert post.got(post.people[0]) == []

    def test_06_what_could_not_be_sent_comes_again_and_is_sent_then(self, post: Post) -> None:
        ada, budi = post.people
        post.trouble()

        with pytest.raises((TryAgain, NeedsHuman)):
            send(post, "k1", post.people)
        post.heal()
        send(post, "k1", post.people)

        assert (len(post.got(ada)), len(post.got(budi))) == (1, 1)

    def test_06_an_answer_that_was_lost_is_no_reason_to_tell_people_twice(self, post: Post) -> None:
        ada, budi = post.people
        if not post.lose_the_answer():
            pytest.skip("this platform's answers cannot be lost")

        with pytest.raises((TryAgain, NeedsHuman)):
            send(post, "k1", post.people)
        post.heal()
        send(post, "k1", post.people)

        assert (len(post.got(ada)), len(post.got(budi))) == (1, 1)

    def test_07_secrets_texts_and_people_are_seen_nowhere(self, post: Post) -> None:
        post.trouble()
        with pytest.raises((TryAgain, NeedsHuman)) as caught:
            send(post, "k1", post.people, title="Private", text="Between us")

        seen = f"{post.open()!r} {caught.value!r} {caught.value}"
        assert [word for word in (*post.secrets, *post.people, "Private", "Between us") if word in seen] == []


def send(
    post: Post, key: str, to: Sequence[TargetId], *, title: str = "News", text: str = "Something has happened."
) -> frozenset[TargetId]:
    """Open the messenger, send one message, close it."""

    async def go() -> frozenset[TargetId]:
        async with post.open() as messenger:
            return await messenger.send(key=key, to=to, title=title, text=text)

    return asyncio.run(go())
