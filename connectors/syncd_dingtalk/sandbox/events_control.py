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
    return {**_of_stream(stream), **_of_callbacks(callbacks)}


def _of_stream(stream: Stream) -> dict[tuple[str, str], Does]:
    mischief = stream.mischief

    def set_faults(body: dict[str, Any]) -> Any:
        try:
            mischief.set(faults_of(body))
        except (ValueError, TypeError) as error:
            raise Undeliverable(str(error)) from None
        return mischief.faults

    def no_faults(_: dict[str, Any]) -> Any:
        mischief.set(EventFaults())
        return mischief.faults

    def disconnect(body: dict[str, Any]) -> Any:
        params = Params(body)
        reason = params.text("reason") or "connection is expired"
        return {"ended": stream.disconnect(reason, abruptly=bool(params.flag("abruptly")))}

    return {
        ("GET", "events/faults"): lambda _: mischief.faults,
        ("PUT", "events/faults"): set_faults,
        ("DELETE", "events/faults"): no_faults,
        ("GET", "stream"): lambda _: stream.report(),
        ("POST", "stream/disconnect"): disconnect,
    }


def _of_callbacks(callbacks: Callbacks) -> dict[tuple[str, str], Does]:
    def subscribe(body: dict[str, Any]) -> Any:
        params = Params(body)
        url, token, key = (params.needed(name) for name in ("url", "token", "aes_key"))
        try:
            callbacks.subscribe(url=url, token=token, aes_key=key, owner=params.text("owner") or "")
        except Unreadable as error:
            raise Undeliverable(str(error)) from None
        return callbacks.report()

    def unsubscribe(_: dict[str, Any]) -> Any:
        callbacks.unsubscribe()
        return callbacks.report()

    return {
        ("GET", "callback"): lambda _: callbacks.report(),
        ("PUT", "callback"): subscribe,
        ("DELETE", "callback"): unsubscribe,
    }
