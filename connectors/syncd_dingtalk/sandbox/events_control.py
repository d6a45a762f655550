"""Control calls about the delivery of events: its faults, the open connections, and the HTTP callback's subscription."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd_dingtalk.callback_crypto import Unreadable
from syncd_dingtalk.sandbox.events_callback import Callbacks
from syncd_dingtalk.sandbox.events_faults import EventFaults, faults_of
from syncd_dingtalk.sandbox.stream import Stream
from syncd_dingtalk.sandbox.wire import Params

Does = Callable[[dict[str, Any]], Any]


class Undeliverable(ValueError):
    """A control call about events that cannot be done; the text says why."""


def deliveries(stream: Stream, callbacks: Callbacks) -> Mapping[tuple[str, str], Does]:
    """Return the control calls by method and name."""

    def set_faults(body: dict[str, Any]) -> Any:
        try:
            stream.mischief.set(faults_of(body))
        except (ValueError, TypeError) as error:
            raise Undeliverable(str(error)) from None
        return faults({})

    def faults(_: dict[str, Any]) -> Any:
        return stream.mischief.faults

    def no_faults(_: dict[str, Any]) -> Any:
        stream.mischief.set(EventFaults())
        return faults({})

    def disconnect(body: dict[str, Any]) -> Any:
        params = Params(body)
        reason = params.text("reason") or "connection is expired"
        return {"ended": stream.disconnect(reason, abruptly=bool(params.flag("abruptly")))}

    def subscribe(body: dict[str, Any]) -> Any:
        params = Params(body)
        try:
            callbacks.subscribe(
                url=params.needed("url"),
                token=params.needed("token"),
                aes_key=params.needed("aes_key"),
                owner=params.text("owner") or "",
            )
        except Unreadable as error:
            raise Undeliverable(str(error)) from None
        return callbacks.report()

    def unsubscribe(_: dict[str, Any]) -> Any:
        callbacks.unsubscribe()
        return callbacks.report()

    return {
        ("GET", "events/faults"): faults,
        ("PUT", "events/faults"): set_faults,
        ("DELETE", "events/faults"): no_faults,
        ("GET", "stream"): lambda _: stream.report(),
        ("POST", "stream/disconnect"): disconnect,
        ("GET", "callback"): lambda _: callbacks.report(),
        ("PUT", "callback"): subscribe,
        ("DELETE", "callback"): unsubscribe,
    }
