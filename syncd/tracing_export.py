"""Sends traces to a collector by OTLP over HTTP, from a thread of the library, as far as there is room to keep them.

A collector that is away costs its traces and nothing else. Nothing global is set: other parts of OpenTelemetry in this process
are not touched. What is not in the settings, the environment may say, as OpenTelemetry documents it (OTEL_BSP_…).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from syncd import tracing
from syncd.config.tracing import TracingSettings
from syncd.core.errors import Misconfigured, message

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider

LAST_SECONDS = 5.0
"""For what is left to be sent at the end."""
NO_LIBRARY: Final = message(
    "TRC-001",
    what="Traces need OpenTelemetry, which is not installed.",
    do="Install it: `pip install 'syncd[otel]'`, in the environment that syncd runs in; or take `tracing.endpoint` away.",
    example="tracing: {endpoint: http://127.0.0.1:4318/v1/traces}  # without the extra `otel`",
)
NO_FILE: Final = message(
    "TRC-002",
    what="The certificates in {file} (`tracing.ca_file`) cannot be read: {why}.",
    do="Name a PEM file that the account of the service may read.",
    example="tracing: {endpoint: https://collector.example.com/v1/traces, ca_file: missing.pem}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Makes spans and sends them."""

    provider: TracerProvider
    exporter: OTLPSpanExporter

    def end(self) -> None:
        """Send what is left, and end within `LAST_SECONDS`: a collector that is away would hold us up for half a minute."""
        last = threading.Thread(target=self.provider.shutdown, name="last traces", daemon=True)
        last.start()
        last.join(LAST_SECONDS)
        if last.is_alive():
            self.exporter.shutdown()  # type: ignore[no-untyped-call]  # gives up, and so ends the thread


def prepared(settings: TracingSettings) -> Callable[[str], Sender]:
    """Return what makes the sender, told our version. Raises Misconfigured with what is wrong."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise Misconfigured([NO_LIBRARY.at()]) from None
    if settings.ca_file is not None:
        try:
            settings.ca_file.read_bytes()
        except OSError as error:
            raise Misconfigured([NO_FILE.at(file=settings.ca_file, why=error.strerror or "error")]) from None
    headers = {name: secret.reveal() for name, secret in settings.headers.items()}

    def make(version: str) -> Sender:
        provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.ratio)),
            resource=Resource.create({"service.name": "syncd", "service.version": version}),
            shutdown_on_exit=False,
        )
        certificates = str(settings.ca_file) if settings.ca_file else None
        exporter = OTLPSpanExporter(endpoint=settings.endpoint, certificate_file=certificates, headers=headers)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return Sender(provider=provider, exporter=exporter)

    return make


@asynccontextmanager
async def sending(make: Callable[[str], Sender], *, version: str) -> AsyncIterator[None]:
    """Make traces and send them, until the end of the block."""
    sender = make(version)
    tracing.begin(tracing.Traces(sender.provider, version=version))
    try:
        yield
    finally:
        tracing.begin(None)
        await asyncio.to_thread(sender.end)


__all__ = ["Sender", "prepared", "sending"]
