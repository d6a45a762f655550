"""A SCIM service that somebody else wrote can be written to, by the rules of `syncd.core.ports.WritingBack`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.scim import ENTERPRISE, ScimService
from syncd.config.secrets import Secret
from syncd.core.model import NativeId
from syncd.core.ports import Room
from syncd.testing.writing_back import VALUE, Rewritable, WritingBackContract
from syncd_scim import Scim


class ScimWritable(Rewritable):
    locked = "place"

    def __init__(self, service: ScimService, *, attribute: str, other: str) -> None:
        self.service = service
        self.secrets = (service.token,)  # type: ignore[misc]  # each service has its own
        self.attribute, self.other = attribute, other
        self.person = NativeId(
            service.add_user("budi", title=VALUE, enterprise={"department": VALUE, "division": "Contoh"})
        )

    def open(self) -> Scim:
        settings = Scim.settings(
            url=self.service.url,
            token=Secret.literal(self.service.token),
            attributes={"place": 'groups[type eq "direct"].display'},
        )
        return Scim(settings, Room(name="idp", now=lambda: datetime.now(UTC), base=Path()))

    def held(self) -> Mapping[str, str]:
        try:
            found = self.service.call("GET", f"Users/{self.person}")
        except RuntimeError:
            return {}
        shown = {name: found[name] for name in ("userName", "displayName", "title", "nickName") if name in found}
        shown |= {name: value for name, value in found.get(ENTERPRISE, {}).items() if value}
        shown |= {f"phoneNumbers.{each['type']}": each["value"] for each in found.get("phoneNumbers", ())}
        return shown

    def by_hand(self, **values: str | None) -> None:
        for name, value in values.items():
            if name.startswith("phoneNumbers"):
                self.service.patch(f"Users/{self.person}", phoneNumbers=[{"type": "mobile", "value": value}])
            else:
                path = f"{ENTERPRISE}:{name}" if name == "department" else name
                self.service.patch(f"Users/{self.person}", **{path: value})

    def remove(self) -> None:
        self.service.delete(f"Users/{self.person}")


@pytest.fixture(scope="module")
def service() -> Iterator[ScimService]:
    with ScimService() as running:
        yield running


@pytest.mark.xdist_group("scim_writing")
class TestCore(WritingBackContract):
    @pytest.fixture
    def rig(self, service: ScimService) -> Rewritable:
        return ScimWritable(service.fresh(), attribute="title", other="phoneNumbers.mobile")


@pytest.mark.xdist_group("scim_writing")
class TestEnterprise(WritingBackContract):
    @pytest.fixture
    def rig(self, service: ScimService) -> Rewritable:
        return ScimWritable(service.fresh(), attribute="department", other="nickName")
