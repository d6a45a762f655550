"""A company whose only source is a domain controller, or several, with the rules that are shipped, and no guard but the proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from servers.ldap_standin import BASE, Standin
from support.directory_mirror import source
from support.installation import REPOSITORY
from support.small_world import HR, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Op
from syncd.engine.cycle import Cycle
from syncd.engine.world import GuardTerms, Seat
from syncd.mapping import load_inbound, load_outbound
from syncd.testing.memory import FIELDS
from syncd_active_directory import ActiveDirectory

OUTBOUND = """\
version: 1
rules: outbound
person:
  adopt: [userid, mobile]
  fields:
    userid:
      - {from: employeeNumber}
      - externalId
    name: {from: displayName, via: [truncate_to_field]}
    mobile: phoneNumbers.mobile
    title: {from: title, via: [truncate_to_field], on_null: clear}
    departments: {memberships: units}
    manager: {from: manager, on_null: clear}
unit:
  adopt: [mark, name]
  fields:
    name: {from: displayName, via: [{regex_replace: {pattern: "[-,，]+", with: " "}}, squeeze, truncate_to_field]}
    parent: parent
"""
"""As the shipped rules, for the fields that the target in memory has."""


class DirectoryWorld(SmallWorld):
    """`standin` is the controller that is asked first, `others` are those that are asked when it does not answer."""

    def __init__(self, folder: Path, standin: Standin, ca_file: Path, *, others: tuple[Standin, ...] = ()) -> None:
        super().__init__(folder, guard=GuardTerms(plan_only_first=False))
        self.standin = standin
        rules = load_inbound(
            REPOSITORY / "mappings" / "active_directory.yaml",
            source=HR,
            attributes=ActiveDirectory.attributes,
            now=self.now,
        )
        seat = Seat(
            name=HR, make=lambda: source(standin, *others, ca_file=ca_file, now=self.now, base=BASE), rules=rules
        )
        join = JoinRules(sources=(HR,), refers={HR: rules.refers})
        (folder / "outbound.yaml").write_text(OUTBOUND, encoding="utf-8")
        outbound = load_outbound(folder / "outbound.yaml", fields=FIELDS, now=self.now)
        self.world = replace(self.world, seats={HR: seat}, join=join, outbound=outbound)

    def sync(self, **options: Any) -> Cycle:
        """Run a cycle, some minutes after the one before."""
        self.time += timedelta(minutes=10)
        return super().sync(**options)

    def staff(self) -> set[str]:
        """Return the logins, as employee numbers, of who is there and not on the way out."""
        waiting = {"Leavers"}
        return {
            str(held["userid"])
            for name, held in self.tenant().items()
            if name.startswith("person:") and {str(each["unit"]) for each in held["departments"]} != waiting  # type: ignore
        }


def numbers(*people: int) -> set[str]:
    return {f"{number:06}" for number in people}


def nobody_goes(done: Cycle) -> None:
    """Nothing is planned against anybody, and what was planned of the rest is not lost."""
    assert not [change for change in done.reconciliation.plan.changes if change.op in (Op.OFFBOARD, Op.REMOVE)]
