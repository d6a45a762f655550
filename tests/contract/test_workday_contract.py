"""The Workday source keeps the contract of a source by each of its three ways, against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from support.workday_rows import DELTA, by_query, by_report
from support.workday_tenant import source, tenant
from syncd.core.model import Kind, NativeId
from syncd.core.ports import Source
from syncd.testing.source import Rig, SourceContract
from syncd_workday.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with tenant() as one:
        yield one


class WorkdayRig(Rig):
    secrets: ClassVar[tuple[str, ...]] = ("example-password",)

    def __init__(self, sandbox: Sandbox, **way: Any) -> None:
        self.sandbox = sandbox
        self.store = sandbox.store
        self.way = way

    def open(self) -> Source:
        return source(self.sandbox, **self.way)

    def present(self) -> frozenset[tuple[Kind, NativeId]]:
        people = {(Kind.PERSON, NativeId(each.number)) for each in self.store.workers.values() if not each.vanished}
        units = [each.wid for each in self.store.organizations.values() if each.type == "SUPERVISORY"]
        return frozenset(people | {(Kind.UNIT, NativeId(wid)) for wid in units})

    def _told(self, position: int, **changes: Any) -> NativeId:
        wid = [*self.store.workers][position]
        self.store.change(wid, **changes)
        self.store.pass_time(hours=1)
        return NativeId(self.store.workers[wid].number)

    def change(self) -> NativeId:
        return self._told(4, title="Kepala")

    def move(self) -> NativeId:
        return self._told(7, first="Nama", last="Baru", organization=[*self.store.organizations][2])

    def remove(self) -> NativeId:
        wid = [*self.store.workers][9]
        self.store.rescind_hire(wid, vanish=True)
        self.store.pass_time(hours=1)
        return NativeId(self.store.workers[wid].number)

    def empty(self) -> None:
        self.sandbox.quirks.constrained_to = set()

    def cut(self) -> None:
        self.sandbox.quirks.before = lambda task, page: (0, b"<env:Envelope") if page > 1 else None
        self.sandbox.quirks.not_granted = {"Get_Organizations"}


class ReportRig(WorkdayRig):
    def cut(self) -> None:
        half = b'{"Report_Entry": [{"WID": "00000000000000000000000000000001", "Worker_ID": "1"}, {"WID":'
        self.sandbox.quirks.before = lambda task, _: (0, half) if task == "report ISU_example/People" else None


class QueryRig(WorkdayRig):
    secrets = ("example-secret", "example-refresh")

    def cut(self) -> None:
        self.sandbox.quirks.before = lambda _, page: (0, b'{"total": 30, "data": [') if page > 1 else None


class TestWorkday(SourceContract):
    @pytest.fixture
    def rig(self, sandbox: Sandbox) -> Rig:
        return WorkdayRig(sandbox)


class TestWorkdayByReports(SourceContract):
    @pytest.fixture
    def rig(self, sandbox: Sandbox) -> Rig:
        return ReportRig(sandbox, **by_report(**DELTA))


class TestWorkdayByQueries(SourceContract):
    @pytest.fixture
    def rig(self, sandbox: Sandbox) -> Rig:
        return QueryRig(sandbox, **by_query())
