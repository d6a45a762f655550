"""The SCIM source keeps the contract of a source, against a service that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.scim import ScimService
from syncd.config.secrets import Secret
from syncd.core.model import Kind, NativeId
from syncd.core.ports import Room, Source
from syncd.testing.source import AsynchronousSourceContract, Rig
from syncd_scim import Scim
from syncd_scim.settings import Deltas


class ScimRig(Rig):
    def __init__(self, service: ScimService, *, delta: Deltas) -> None:
        self.service = service
        self.delta = delta
        self.secrets = (service.token,)  # type: ignore[misc]  # each service has its own
        self.token = service.token
        self.url = service.url
        self.users = [service.add_user(f"user{number:02}", title="Staf") for number in range(12)]
        self.groups = [service.add_group("Semua", self.users[:5]), service.add_group("Kosong", [])]

    def open(self) -> Source:
        settings = Scim.settings(url=self.url, token=Secret.literal(self.token), page_size=5, delta=self.delta)
        return Scim(settings, Room(name="idp", now=lambda: datetime.now(UTC), base=Path()))

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        people = {(Kind.PERSON, NativeId(each)) for each in self.users}
        return frozenset(people | {(Kind.GROUP, NativeId(each)) for each in self.groups})

    def change(self) -> NativeId:
        self.service.patch(f"Users/{self.users[6]}", title="Kepala")
        return NativeId(self.users[6])

    def move(self) -> NativeId:
        self.service.patch(f"Users/{self.users[2]}", userName="nama.baru", displayName="Nama Baru")
        return NativeId(self.users[2])

    def remove(self) -> NativeId:
        gone = self.users.pop(3)
        self.service.delete(f"Users/{gone}")
        return NativeId(gone)

    def empty(self) -> None:
        for path in [f"Groups/{each}" for each in self.groups] + [f"Users/{each}" for each in self.users]:
            self.service.delete(path)

    def cut(self) -> None:
        self.token = "no such token"


@pytest.fixture(scope="module")
def service() -> Iterator[ScimService]:
    with ScimService() as running:
        yield running


class TestDeltas(AsynchronousSourceContract):
    @pytest.fixture
    def rig(self, service: ScimService) -> Rig:
        return ScimRig(service.fresh(), delta=Deltas.MODIFIED)


class TestFullReads(AsynchronousSourceContract):
    @pytest.fixture
    def rig(self, service: ScimService) -> Rig:
        return ScimRig(service.fresh(), delta=Deltas.NONE)
