"""Human_Resources over HTTP: signs in, asks, waits while Workday is busy. It follows no redirect, and only ever reads.

Nothing that only reads can be done twice, so a page that was cut off is asked for again by itself: its entry moment is in it.
"""

from __future__ import annotations

from syncd.core.ports import Room
from syncd_workday.answers import Element, understood
from syncd_workday.patience import patiently
from syncd_workday.settings import WorkdaySettings
from syncd_workday.signed_in import SignedIn
from syncd_workday.threads import beside


class Wire(SignedIn):
    """The service, open between `__aenter__` and `__aexit__`, as SOAP."""

    def __init__(self, settings: WorkdaySettings, room: Room) -> None:
        super().__init__(settings, room)
        self._url = f"{settings.base}/ccx/service/{settings.tenant}/Human_Resources/{settings.version}"

    async def ask(self, body: str, *, task: str) -> Element:
        """Return the response to a request. Raises `TryAgain` when patience ends, `NeedsHuman` at once."""
        return await patiently(lambda: self._renewing(lambda: self._once(body, task)), patience=self._settings.patience)

    async def _once(self, body: str, task: str) -> Element:
        content, headers = await self._sign_in.signed(self._client, body)
        # SOAP 1.1; the binding names no SOAPAction.
        headers |= {"content-type": "text/xml;charset=UTF-8", "accept": "text/xml"}
        answer = await self._client.send("POST", self._url, content=content, headers=headers)
        return await beside(understood, answer, host=self.host, task=task)
