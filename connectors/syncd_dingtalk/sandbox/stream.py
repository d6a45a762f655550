"""Stream mode as the platform runs it: tickets, connections, frames, and sending again what nobody acknowledged.

One random connection of an app gets each event; what is not acknowledged, or asked for LATER, is sent again. An app gets events
from its first connection on; while none is open they wait, but not for long (how long is not documented: `stream_keep_seconds`).
Everything here happens on the server's loop. Nothing is journaled: what waits when a sandbox ends is lost, as events can be.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Final

from syncd_dingtalk.sandbox import answers
from syncd_dingtalk.sandbox.answers import Answer, Denied
from syncd_dingtalk.sandbox.events_faults import Mischief
from syncd_dingtalk.sandbox.records import Event
from syncd_dingtalk.sandbox.routes import Call, Route, new
from syncd_dingtalk.sandbox.stream_frames import Ack
from syncd_dingtalk.sandbox.stream_socket import Connection
from syncd_dingtalk.sandbox.tenant import Tenant

OPEN: Final = "/v1.0/gateway/connections/open"
CONNECT: Final = "/connect"
TICKET_SECONDS: Final = 90
ATTEMPTS: Final = 12
"""How often one event is sent before it is given up. Not documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The right to open one connection, once, within 90 s."""

    app_key: str
    until: float
    """By the tenant's clock."""
    events: bool
    """Whether the app asked for events."""


@dataclass(slots=True, kw_only=True, eq=False)
class Letter:
    """One event on its way to one app."""

    app_key: str
    event: Event
    message_id: str
    attempts: int = 0
    again: asyncio.TimerHandle | None = None
    """When it is sent again unless it has been acknowledged."""


@dataclass(slots=True)
class Told:
    """What became of events so far: for tests and for people who look."""

    sent: int = 0
    acknowledged: int = 0
    again: int = 0
    lost: int = 0
    doubled: int = 0
    cut: int = 0
    expired: int = 0
    open: list[str] = field(default_factory=list)


class Stream:
    """The gateway of one tenant."""

    def __init__(self, tenant: Tenant, mischief: Mischief) -> None:
        self.tenant = tenant
        self.mischief = mischief
        self.endpoint = ""
        """Where connections are opened; the server says it once it listens."""
        self.told = Told()
        self._tickets: dict[str, Ticket] = {}
        self._apps: set[str] = set()
        self._open: list[Connection] = []
        self._letters: dict[str, Letter] = {}
        """Sent, and not acknowledged."""
        self._waiting: list[Letter] = []
        """For want of a connection."""
        self._timers: set[asyncio.TimerHandle] = set()
        self._chance = random.Random(tenant.settings.seed)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.routes: tuple[Route, ...] = (
            Route(path=OPEN, does=self.open, family=new("", self.open).family, open=True),
        )

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, call: Call) -> Answer:
        """`POST /v1.0/gateway/connections/open`: an endpoint and a ticket. The code for wrong credentials was not found."""
        params = call.params
        app = self.tenant.apps.get(params.text("clientId") or "")
        if app is None or app.app_secret != params.text("clientSecret"):
            raise Denied(401, "authFailed", "鉴权失败，请检查 clientId 和 clientSecret")
        wanted = params.raw.get("subscriptions")
        topics = [one for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
        if not topics:
            raise Denied(400, "invalidParameter.param.invalid", "参数错误：subscriptions")
        ticket = self.tenant.hexed(f"ticket/{self.tenant.next_serial()}")
        until = self.tenant.clock.now() + TICKET_SECONDS
        events = any(one.get("type") == "EVENT" for one in topics)
        self._tickets[ticket] = Ticket(app_key=app.app_key, until=until, events=events)
        return answers.plain({"endpoint": self.tenant.settings.stream_endpoint or self.endpoint, "ticket": ticket})

    def admit(self, ticket: str) -> Ticket | None:
        """Return what a ticket stands for, once; None where it is worth nothing (any more)."""
        found = self._tickets.pop(ticket, None)
        return found if found is not None and found.until >= self.tenant.clock.now() else None

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one WebSocket from its handshake to its end."""
        query = dict(part.partition("=")[::2] for part in scope["query_string"].decode("latin-1").split("&"))
        await receive()  # the handshake
        ticket = self.admit(query.get("ticket", "")) if scope["path"] == CONNECT else None
        if ticket is None:
            await send({"type": "websocket.close"})  # before it was accepted: HTTP 403
            return
        self._loop = asyncio.get_running_loop()
        connection = Connection(self, ticket.app_key, self.tenant.hexed(f"connection/{self.tenant.next_serial()}", 8))
        await send({"type": "websocket.accept"})
        self._open.append(connection)
        if ticket.events:
            connection.events = True
            self._apps.add(ticket.app_key)
            waiting, self._waiting = self._waiting, []
            for letter in waiting:
                self._send(letter)
        try:
            await connection.run(scope, receive, send)
        finally:
            self.forget(connection)

    def forget(self, connection: Connection) -> None:
        """Give a connection no more events; what it did not acknowledge is sent again in due time."""
        if connection in self._open:
            self._open.remove(connection)

    # --- delivering -------------------------------------------------------------------------------------------------

    def heard(self, event: Event) -> None:
        """Send an event to every app that has subscribed."""
        if self._loop is None:
            return
        for app_key in self._apps:
            times = self.mischief.times()
            self.told.lost += not times
            self.told.doubled += len(times) > 1
            for seconds in times:
                message_id = self.tenant.hexed(f"message/{self.tenant.next_serial()}", 10)
                letter = Letter(app_key=app_key, event=event, message_id=message_id)
                # Even at once means a turn of the loop later: the call that caused it is answered first.
                self._loop.call_soon_threadsafe(self._after, seconds, letter)

    def _after(self, seconds: float, letter: Letter) -> None:
        assert self._loop is not None
        if not seconds:
            self._send(letter)
            return
        self._timers = {timer for timer in self._timers if not timer.cancelled() and timer.when() > self._loop.time()}
        self._timers.add(self._loop.call_later(seconds, self._send, letter))

    def _send(self, letter: Letter) -> None:
        """Send to a random connection of the app, or wait for one."""
        able = [one for one in self._open if one.app_key == letter.app_key and one.events and not one.closing]
        if not able:
            self._wait(letter)
            return
        chosen = self._chance.choice(able)
        if self.mischief.cuts():
            self.told.cut += 1
            self.forget(chosen)
            chosen.cut()
            self._wait(letter)
            return
        letter.attempts += 1
        self.told.sent += 1
        self.told.again += letter.attempts > 1
        self._letters[letter.message_id] = letter
        self._later(letter, self.tenant.settings.stream_redeliver_seconds)
        chosen.deliver(letter.event, letter.message_id)

    def _wait(self, letter: Letter) -> None:
        keep = self.tenant.settings.stream_keep_seconds * 1000
        now = self.tenant.clock.millis()
        waiting = [*self._waiting, letter]
        self._waiting = [one for one in waiting if one.event.born_at + keep >= now]
        self.told.expired += len(waiting) - len(self._waiting)

    def _later(self, letter: Letter, seconds: float) -> None:
        assert self._loop is not None
        if letter.again is not None:
            letter.again.cancel()
        letter.again = self._loop.call_later(seconds, self._again, letter)

    def _again(self, letter: Letter) -> None:
        self._letters.pop(letter.message_id, None)
        if letter.attempts >= ATTEMPTS:
            self.told.expired += 1
            return
        self._send(letter)

    def acknowledged(self, ack: Ack) -> None:
        """Take what a client says of a message."""
        letter = self._letters.get(ack.message_id)
        if letter is None:
            return
        if not ack.taken:
            self._later(letter, self.tenant.settings.stream_redeliver_seconds)
            return
        del self._letters[ack.message_id]
        self.told.acknowledged += 1
        if letter.again is not None:
            letter.again.cancel()

    # --- steering ---------------------------------------------------------------------------------------------------

    def disconnect(self, reason: str, *, abruptly: bool) -> int:
        """End every open connection, with the platform's notice or by cutting it; return how many."""
        ended = list(self._open)
        for connection in ended:
            self.forget(connection)
            if abruptly:
                connection.cut()
            else:
                connection.end(reason)
        return len(ended)

    def report(self) -> dict[str, Any]:
        """Return what became of events, and which connections are open."""
        told = self.told
        return {
            "sent": told.sent,
            "acknowledged": told.acknowledged,
            "again": told.again,
            "lost": told.lost,
            "doubled": told.doubled,
            "cut": told.cut,
            "expired": told.expired,
            "unacknowledged": len(self._letters),
            "waiting": len(self._waiting),
            "connections": [{"id": one.id, "app_key": one.app_key} for one in self._open],
        }

    def close(self) -> None:
        """Stop everything that was to happen later."""
        for letter in self._letters.values():
            if letter.again is not None:
                letter.again.cancel()
        for timer in self._timers:
            timer.cancel()
        for connection in self._open:
            connection.cut()
        self._letters.clear()
        self._timers.clear()
        self._loop = None
