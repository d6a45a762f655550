"""Alerts through apprise, which knows more than a hundred services by an address of its own form.

It says only whether it worked. The library is loaded when the first alert is sent: that takes more than a second.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Final

from syncd.config.secrets import Secret
from syncd.core.errors import NeedsHuman, TryAgain
from syncd.core.ports import Alert
from syncd_notify.messages import APPRISE_FAILED, NO_APPRISE, NOT_APPRISE
from syncd_notify.posting import Channel, Plain, cut

TITLE_LIMIT: Final = 200
TEXT_LIMIT: Final = 10_000


class AppriseSettings(Channel):
    """A service that apprise knows."""

    url: Secret
    """The service's address in apprise's form, such as `tgram://token/chat`; it holds secrets, and is kept as one."""


class Apprise(Plain):
    """Sends through apprise."""

    settings: ClassVar[type[Any]] = AppriseSettings

    async def send(self, alert: Alert) -> None:
        await asyncio.to_thread(self._send, self._settings.url.reveal(), alert)

    def _send(self, url: str, alert: Alert) -> None:
        try:
            import apprise
        except ImportError:
            raise NeedsHuman(NO_APPRISE.at(name=self._room.name)) from None
        # It logs what it sends and whereto.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is None:
            raise NeedsHuman(NOT_APPRISE.at(name=self._room.name))
        kinds = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
        kind = apprise.NotifyType.SUCCESS if alert.resolved else kinds.get(alert.severity, apprise.NotifyType.INFO)
        title, text = cut(alert.title, TITLE_LIMIT), cut(alert.text, TEXT_LIMIT)
        if not service.notify(title=title, body=text, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
            raise TryAgain(APPRISE_FAILED.at(service=str(service.service_name)))
