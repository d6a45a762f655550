"""The part `tracing` of `syncd.yaml`: where traces of what the service does are sent. It sends nothing."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from syncd.config.parts import Part
from syncd.config.secrets import Secret


class TracingSettings(Part):
    """Traces of changes, for a collector that speaks OTLP over HTTP (OpenTelemetry). Needs the extra `otel`."""

    endpoint: str | None = Field(None, pattern=r"^https?://[^\s?#]+$", examples=["http://127.0.0.1:4318/v1/traces"])
    """The collector's address for traces; null: none are made."""
    headers: dict[str, Secret] = Field(default_factory=dict, examples=[{"authorization": {"credential": "otel"}}])
    """What is sent with them, such as `authorization`."""
    ca_file: Path | None = None
    """PEM file with the root certificates to trust; without it, the usual public ones."""
    ratio: float = Field(1.0, ge=0, le=1)
    """The share of traces that are made; each is made as a whole or not at all."""

    @field_validator("ca_file")
    @classmethod
    def _from_base(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        base = (info.context or {}).get("base")
        return Path(base) / path if base and path else path
