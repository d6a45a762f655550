"""From a provider's push to the target: at once, and through the guard like everything else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from support.scim_push import BASE, USER, E
from support.serving import served, until
from support.small_world import HR, SmallWorld
from syncd.core.correlation import JoinRules
from syncd.core.model import Effect, Kind
from syncd.core.ports import Room
from syncd.engine.pushing import Pushing
from syncd.engine.world import Seat
from syncd.mapping import load_inbound
from syncd.scim.service import Asked
from syncd_scim import ScimPush

RULES = """\
version: 1
rules: inbound
person:
  required: [employeeNumber, displayName]
  fields:
    employeeNumber: userName
    displayName: displayName
    title: {from: title, on_null: clear}
    active: active
    phoneNumbers.mobile: phoneNumbers.mobile
  units:
    path:
      - {name: department}
"""


def test_a_push_reaches_the_target_at_once_and_a_mass_deactivation_is_held_and_answered_with_success(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        small = SmallWorld(tmp_path)
        (tmp_path / "push.yaml").write_text(RULES)
        rules = load_inbound(tmp_path / "push.yaml", source=HR, attributes=ScimPush.attributes, now=small.now)
        pushing = Pushing(small.store, now=small.now)

        def make() -> ScimPush:
            room = Room(name=HR, now=small.now, base=tmp_path, pushes=pushing.of(HR))
            return ScimPush(ScimPush.settings(), room)

        seats = {HR: Seat(name=HR, make=make, rules=rules)}
        world = replace(small.world, seats=seats, join=JoinRules(sources=(HR,), refers={HR: rules.refers}))

        async def push(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
            sent = json.dumps(body).encode()
            answer = await pushing.ask(HR, Asked(method=method, path=tuple(path.split("/")), base=BASE, body=sent))
            assert answer.status in (200, 201), answer
            return dict(json.loads(answer.body))

        def names() -> set[str]:
            return {str(held["name"]) for (kind, _), held in small.target.objects.items() if kind is Kind.PERSON}

        def held() -> bool:
            with small.store.reading() as tx:
                return any(one.effect is Effect.LEAVE for one in tx.holds.open())

        async with served(world):
            people = [
                {
                    "schemas": [USER],
                    "userName": f"E{n}",
                    "displayName": f"Orang {n}",
                    E: {"department": "Keuangan"},
                    "phoneNumbers": [{"type": "mobile", "value": f"138{n:08}"}],
                }
                for n in range(40)
            ]
            made = await asyncio.gather(*(push("POST", "Users", one) for one in people))
            await until(lambda: len(names()) == 40, "forty people are there")
            change = [{"op": "Replace", "path": "displayName", "value": "Ayu Baru"}]
            await push("PATCH", f"Users/{made[0]['id']}", {"Operations": change})
            await until(lambda: "Ayu Baru" in names(), "the new name is there")
            off = [{"op": "Replace", "path": "active", "value": "False"}]
            said = [await push("PATCH", f"Users/{one['id']}", {"Operations": off}) for one in made[1:]]
            assert {one["active"] for one in said} == {False}
            await until(held, "the guard holds them")

    asyncio.run(story())
