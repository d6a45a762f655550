"""What is pushed keeps the contract of a source, and of one that watches."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.scim_push import BASE, Provider, opened
from syncd.core.model import Kind, NativeId, SourceName
from syncd.core.ports import Room, Source
from syncd.engine.pushing import Pushing, SourcePushes
from syncd.scim.service import Asked
from syncd.store import Store
from syncd.testing.source import AsynchronousSourceContract, Rig
from syncd.testing.watching import Watcher, WatchingContract
from syncd_scim import ScimPush


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("pushed")) as made:
        yield made


def _now() -> datetime:
    return datetime.now(UTC)


class PushRig(Rig):
    def __init__(self, store: Store) -> None:
        self.provider = Provider(store, secrets.token_hex(8))
        self.pushes: SourcePushes | None = Pushing(store, now=_now).of(self.provider.source)
        self.users = [self.provider.user(f"user{number:02}", title="Staf") for number in range(12)]
        self.groups = [self.provider.group("Semua", self.users[:5]), self.provider.group("Kosong")]

    def open(self) -> Source:
        room = Room(name=self.provider.source, now=_now, base=Path(), pushes=self.pushes)
        return ScimPush(ScimPush.settings(), room)

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        people = {(Kind.PERSON, NativeId(each)) for each in self.users}
        return frozenset(people | {(Kind.GROUP, NativeId(each)) for each in self.groups})

    def change(self) -> NativeId:
        self.provider.patch(f"Users/{self.users[6]}", {"op": "replace", "path": "title", "value": "Kepala"})
        return NativeId(self.users[6])

    def move(self) -> NativeId:
        self.provider.patch(f"Users/{self.users[2]}", {"op": "replace", "path": "userName", "value": "nama.baru"})
        return NativeId(self.users[2])

    def remove(self) -> NativeId:
        gone = self.users.pop(3)
        self.provider.ask("DELETE", f"Users/{gone}")
        return NativeId(gone)

    def empty(self) -> None:
        for place, ids in (("Groups", self.groups), ("Users", self.users)):
            for each in ids:
                self.provider.ask("DELETE", f"{place}/{each}")

    def cut(self) -> None:
        self.pushes = None


class TestScimPush(AsynchronousSourceContract):
    @pytest.fixture
    def rig(self, store: Store) -> Rig:
        return PushRig(store)


class TestScimPushWatches(WatchingContract):
    @pytest.fixture
    def watcher(self, store: Store) -> Watcher:
        pushing, source = Pushing(store, now=_now), secrets.token_hex(8)
        room = Room(name=source, now=_now, base=Path(), pushes=pushing.of(source))

        async def change() -> None:
            body = json.dumps({"userName": secrets.token_hex(8)}).encode()
            await pushing.ask(source, Asked(method="POST", path=("Users",), base=BASE, body=body))

        return Watcher(
            make=lambda: ScimPush(ScimPush.settings(), room), source=SourceName(source), change=change, interrupt=change
        )
