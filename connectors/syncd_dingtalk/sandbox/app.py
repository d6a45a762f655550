"""The ASGI application: HTTP in, HTTP out, and the faults that only a connection can show.

It holds no rules of DingTalk and no state of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from syncd_dingtalk.sandbox import chats, contacts, departments, newapi, people, roles, todos, users
from syncd_dingtalk.sandbox.answers import Answer
from syncd_dingtalk.sandbox.control import PREFIX, Control
from syncd_dingtalk.sandbox.events_callback import Callbacks
from syncd_dingtalk.sandbox.events_faults import Mischief
from syncd_dingtalk.sandbox.faults import FaultKind
from syncd_dingtalk.sandbox.gateway import Gateway, Reply
from syncd_dingtalk.sandbox.robots import Robots
from syncd_dingtalk.sandbox.stream import Stream
from syncd_dingtalk.sandbox.stream_socket import TRANSPORT
from syncd_dingtalk.sandbox.tenant import Tenant
from syncd_dingtalk.sandbox.wire import Request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 4 * 1024 * 1024
ROUTES: Final = (
    *users.ROUTES,
    *people.ROUTES,
    *departments.ROUTES,
    *chats.ROUTES,
    *roles.ROUTES,
    *contacts.ROUTES,
    *newapi.ROUTES,
    *todos.ROUTES,
)


class Sandbox:
    """One tenant with its gateway and its control surface, as an ASGI application."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        mischief = Mischief()
        self.stream = Stream(tenant, mischief)
        self.callbacks = Callbacks(tenant, mischief)
        self.robots = Robots(tenant)
        tenant.listeners += [self.stream.heard, self.callbacks.heard]
        self.gateway = Gateway(tenant, (*ROUTES, *self.stream.routes, *self.callbacks.routes, *self.robots.routes))
        self.control = Control(self.gateway, self.stream, self.callbacks, self.robots)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.stream.serve(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP, not {scope['type']}")
        body = await _body(receive)
        if body is None:
            return
        request = _request(scope, body)
        if request.path.startswith(PREFIX):
            await _send(send, self.control.handle(request))
            return
        await self._act(self.gateway.handle(request), scope, receive, send)

    async def _act(self, reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or show the fault."""
        fault = reply.fault
        if fault is not None:
            if fault.kind is FaultKind.TIMEOUT:
                await _until_gone(receive)
                return
            if fault.kind is FaultKind.RESET:
                scope[TRANSPORT].abort()
                await _until_gone(receive)
                return
            if fault.kind is FaultKind.SLOW and await _gone_within(fault.seconds, receive):
                return
        await _send(send, reply.answer)


async def _body(receive: Receive) -> bytes | None:
    """Return the request's body, None where the caller went away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if not message.get("more_body") or size > MAX_BODY:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _request(scope: Scope, body: bytes) -> Request:
    content_type = token = ""
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value.decode("latin-1").lower()
        elif name == b"x-acs-dingtalk-access-token":
            token = value.decode("latin-1")
    client = scope.get("client")
    ip = client[0] if client else ""
    return Request(scope["method"], scope["path"], scope["query_string"], body, content_type, token, ip)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _gone_within(seconds: float, receive: Receive) -> bool:
    """Wait, and tell whether the caller went away meanwhile."""
    try:
        await asyncio.wait_for(_until_gone(receive), seconds)
    except TimeoutError:
        return False
    return True


async def _send(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
