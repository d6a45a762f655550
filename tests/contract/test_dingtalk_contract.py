"""The DingTalk target keeps every rule of its socket, against the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.model import Kind
from syncd.core.ports import Room
from syncd.core.values import Value
from syncd.testing.contacts import ContactContract
from syncd.testing.target import Tenant
from syncd_dingtalk import DingTalk
from syncd_dingtalk.settings import DingTalkSettings, SandboxEntry


def person(number: int) -> dict[str, Value]:
    """Return the fields of an example person."""
    return {
        "userid": f"example-{number:03}",
        "name": f"Example Person {number}",
        "mobile": f"1380000{number:04}",
        "hide_mobile": True,
        "telephone": f"7{number:04}",
        "job_number": f"{number:06}",
        "title": "Buyer",
        "email": f"person{number}@example.com",
        "work_place": "Example Town",
        "remark": "made by a test",
        "extension": {"shoe size": "42"},
        "hired_date": "2026-01-31",
        "senior_mode": True,
    }


def unit(number: int) -> dict[str, Value]:
    """Return the fields of an example department."""
    return {
        "name": f"Example Unit {number}",
        "order": 10 + number,
        "hide_dept": True,
        "brief": "made by a test",
        "telephone": "700",
        "code": f"CC{number}",
        "create_dept_group": False,
        "auto_add_user": True,
        "outer_dept": True,
        "outer_dept_only_self": True,
    }


def role(number: int) -> dict[str, Value]:
    """Return the fields of an example role."""
    return {"name": f"Example Role {number}", "role_group": f"Example Group {number % 2}"}


def contact(number: int) -> dict[str, Value]:
    """Return the fields of an example contact."""
    return {
        "name": f"Example Partner {number}",
        "mobile": f"1390000{number:04}",
        "labels": ("Partner",),
        "company": "Example Partners Ltd",
        "title": "Consultant",
        "address": "Example Town",
        "remark": "made by a test",
    }


class TestDingTalkKeepsTheContract(ContactContract):
    @pytest.fixture
    def tenant(self) -> Iterator[Tenant]:
        settings = DingTalkSettings(sandbox=SandboxEntry(qps=None))
        wanted = {
            Kind.PERSON: frozenset({"roles"}),
            Kind.GROUP: frozenset({"name", "role_group"}),
            Kind.CONTACT: frozenset({"name", "mobile", "labels", "follower"}),
        }
        target = DingTalk(settings, Room(name="dingtalk", now=lambda: datetime.now(UTC), base=Path(), wanted=wanted))
        with asyncio.Runner() as runner:
            runner.run(target.__aenter__())
            # The sandbox's own administrator is no part of the contract's counting.
            assert target.sandbox is not None
            target.sandbox.tenant.drop("users", "manager0001")
            yield Tenant(target=target, run=runner.run, person=person, unit=unit, role=role, contact=contact)
            runner.run(target.__aexit__(None, None, None))
