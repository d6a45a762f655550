"""A company that lives half in Workday and half in Active Directory, with partners pushed by SCIM, through a year.

Everything comes over real wires (Samba, HTTP), every few days, as deltas where the source can; the tenant is read by a client
that we did not write, and compared with a book that the systems' administrators kept. `YEAR_PEOPLE` makes the company
larger.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from foreign.dingding import ForeignDingTalk
from servers import company
from servers.samba import BASE_DN, SambaDomain, missing
from support.directory import of_tenant
from support.installation import REPOSITORY
from support.scim_push import Provider
from support.year_book import LEAVERS, ZONES, Book, expected, waiting
from support.year_directory import DirectoryYear
from support.year_office import Office as YearOffice
from support.year_partners import PartnersYear
from support.year_systems import Systems
from support.year_workday import WorkdayYear
from syncd.cli.session import Session
from syncd.engine.cycle import Cycle, Order, cycle
from syncd_dingtalk.sandbox import SandboxServer, SandboxSettings
from syncd_workday.sandbox import Sandbox, Store

pytestmark = [pytest.mark.samba, pytest.mark.slow, pytest.mark.xdist_group("samba")]

PEOPLE: Final = int(os.environ.get("YEAR_PEOPLE", "0"))
SEED: Final = int(os.environ.get("YEAR_SEED", "5"))
BEGINS: Final = datetime(2027, 1, 4, 12, tzinfo=UTC)
STEP: Final = timedelta(days=6, hours=16)
"""Steps come at noon, in the evening and in the early morning: it is not the same day everywhere."""
CONFIG: Final = """\
sources:
  hr:
    type: workday
    rules: mappings/workday.yaml
    url: {workday}
    tenant: example
    user: ISU_example
    password: {{env: WORKDAY_PASSWORD}}
    identity: universal_id
    timezones: {{{zones}}}
    ahead: 0
    patience: 0s
  directory:
    type: active_directory
    rules: mappings/active_directory.yaml
    servers: [ldaps://{host}:636]
    ca_file: {ca}
    user: {user}
    password: {{env: DIRECTORY_PASSWORD}}
    base: ["{base}"]
  partners: {{type: scim_push, rules: mappings/scim_push.yaml}}
target:
  type: dingtalk
  rules: mappings/dingtalk.yaml
  base_url: {dingtalk}
  new_base_url: {dingtalk}
  app_key: dingsandboxkey
  app_secret: {{env: SANDBOX_SECRET}}
  qps: null
  address_calls: null
state: {{url: "sqlite:///syncd.db"}}
schedule: {{full_every: 60d, observe_every: 90d}}
guard: {{first_run: apply, shrink_percent: 100, window: 0s, per_unit_percent: null, limits: {{{limits}}}}}
logging: {{level: error}}
"""
EFFECTS: Final = (
    "create",
    "update",
    "move",
    "login",
    "leave",
    "unit_create",
    "unit_update",
    "unit_move",
    "unit_remove",
)
"""What is held elsewhere; here everything is meant."""
FIELDS: Final = ("name", "mobile", "title", "email", "job_number", "departments", "manager")


@dataclass(kw_only=True)
class Year:
    """Everything that IT has, and its clock."""

    session: Session
    systems: Systems
    dingtalk: ForeignDingTalk
    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def sync(self, **options: Any) -> Cycle:
        self.systems.workday.tenant.now = max(self.systems.workday.tenant.now, self.now())
        return asyncio.run(cycle(self.session.world("year"), Order(accept=True, **options)))


@pytest.fixture
def year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Year]:
    if reason := missing():
        pytest.fail(f"{reason}; leave these tests out with -m 'not samba'")
    domain = SambaDomain(people=PEOPLE // 2) if PEOPLE else SambaDomain()
    unit = "Company" if PEOPLE else "Company/Indonesia/Finance"
    workday = Sandbox(store=Store(now=BEGINS - timedelta(days=2)))
    with domain, workday, SandboxServer(SandboxSettings(qps=None, seed=7)) as dingtalk:
        shutil.copytree(REPOSITORY / "mappings", tmp_path / "mappings")
        names = [f"OU={name}" for name in reversed(unit.split("/"))]
        words = {
            "workday": workday.url,
            "zones": ", ".join(f"{place}: {zone}" for place, zone in ZONES.items()),
            "host": domain.host,
            "ca": domain.ca_file,
            "user": domain.dirsync_user,
            "base": ",".join([*names, BASE_DN]),
            "dingtalk": dingtalk.url,
            "limits": ", ".join(f"{effect}: {{count: null, percent: null}}" for effect in EFFECTS),
        }
        (tmp_path / "syncd.yaml").write_text(CONFIG.format(**words), encoding="utf-8")
        monkeypatch.setenv("WORKDAY_PASSWORD", workday.password)
        monkeypatch.setenv("DIRECTORY_PASSWORD", domain.password)
        monkeypatch.setenv("SANDBOX_SECRET", "sandbox-secret")
        client = ForeignDingTalk(dingtalk.url, dingtalk.settings.app_key, dingtalk.settings.app_secret)
        with Session(config=tmp_path / "syncd.yaml", level="error") as session:
            office = YearOffice(book=Book(), chance=random.Random(SEED))
            accounts = PEOPLE // 2 or company.PEOPLE
            systems = Systems(
                office=office,
                workday=WorkdayYear(office=office, tenant=workday.store),
                directory=DirectoryYear(office=office, editor=domain.editor, base=unit, accounts=accounts),
                partners=PartnersYear(office=office, provider=Provider(session.store, "partners")),
            )
            one = Year(session=session, systems=systems, dingtalk=client, ahead=BEGINS - datetime.now(UTC))
            session.now = one.now
            yield one


def test_after_a_year_the_tenant_is_what_an_attentive_clerk_would_have_entered(year: Year) -> None:
    systems, book = year.systems, year.systems.office.book
    systems.found(workers=PEOPLE // 2 or 80, partners=(PEOPLE or 160) // 20, at=year.now())
    for step in range(55):
        if step:
            year.ahead += STEP
            systems.workday.tenant.now = year.now()
            systems.happens(year.now(), (PEOPLE or 240) // 30)
        year.ahead += timedelta(minutes=20)
        book.turn(year.now())
        done = year.sync()
        assert done.queue.parked == 0, done
        book.close(year.now())
        if step in (27, 54):
            agrees(year, step)
    assert not year.sync(full=True, fresh=True, again=True).reconciliation.plan.changes


def agrees(year: Year, step: int) -> None:
    """The tenant shows what the book says."""
    now, book = year.now(), year.systems.office.book
    tenant = of_tenant(year.dingtalk)
    hidden = tenant.in_department(LEAVERS)
    shown = {who: {name: one[name] for name in FIELDS} for who, one in tenant.without(hidden).items()}
    wanted = expected(book, now)
    too_many, missed = sorted(shown.keys() - wanted.keys()), sorted(wanted.keys() - shown.keys())
    story = year.systems.office.about(too_many + missed)
    assert not too_many + missed, f"step {step}, {now:%F %R}: {too_many} should not be there, {missed} should\n{story}"
    left = {one.account for one in book.people.values() if one.left_at is not None}  # nobody above them took over
    wrong = [
        f"{who}: {name} is {shown[who][name]!r} and should be {fact!r}"
        for who, facts in wanted.items()
        for name, fact in facts.items()
        if shown[who][name] != fact and not (name == "manager" and not fact and shown[who][name] in left)
    ]
    story = year.systems.office.about([one.partition(":")[0] for one in wrong])
    assert not wrong, "\n".join([f"step {step}, {now:%F %R}", *wrong, "what came before:", story])
    must, may = waiting(book, now, step=STEP)
    assert must <= hidden <= may, (step, must - hidden, hidden - may)
