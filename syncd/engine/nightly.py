"""When everything is read at night: once a day, at a minute that is the installation's own and never near the full hour.

So it disturbs nobody at work, and several installations do not ask one directory at the same moment. Pure; it knows no clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

INSTALLATION: Final = "installation"
"""Under which word it is kept what tells an installation from others."""
FIRST_HOUR: Final = 1
HOURS: Final = 4
"""From one to five in the morning, where the people work."""
_EDGE: Final = 5
"""Minutes around the full hour that are left to everybody else's jobs."""
SHORTEST: Final = timedelta(hours=20)
"""Who wants full reads more often than this has no use for a night."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """The time of day at which an installation reads everything."""

    at: time
    zone: str
    """An IANA name."""

    @classmethod
    def of(cls, installation: bytes, zone: str) -> Night:
        """Return the time of an installation, always the same for the same one."""
        number = int.from_bytes(hashlib.blake2b(installation, digest_size=8).digest())
        hour, minute = divmod(number % (HOURS * (60 - 2 * _EDGE)), 60 - 2 * _EDGE)
        return cls(at=time(FIRST_HOUR + hour, minute + _EDGE), zone=zone)

    def after(self, now: datetime) -> datetime:
        """Return the first such moment later than `now`; aware UTC. A time that the clocks skip comes an hour later."""
        zone = ZoneInfo(self.zone)
        day = now.astimezone(zone).date()
        found = (datetime.combine(day + timedelta(days=ahead), self.at, zone).astimezone(UTC) for ahead in (0, 1, 2))
        return next(one for one in found if one > now)


__all__ = ["INSTALLATION", "SHORTEST", "Night"]
