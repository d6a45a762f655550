"""What `syncd.yaml` says about a broker. The docstrings are the editor's tooltips; nothing here does anything."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from syncd.config.durations import Duration
from syncd.config.problems import refusal
from syncd.config.secrets import Secret
from syncd_brokers.messages import HALF_LOGON


class Format(StrEnum):
    """What messages look like."""

    CLOUDEVENTS = "cloudevents"
    ANY = "any"


class BrokerSettings(BaseModel):
    """What all brokers have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wakes: str = Field(min_length=1, examples=["hr"])
    """The source in `sources:` that a message wakes: it is asked what changed; what the message says is never believed."""
    format: Format = Format.CLOUDEVENTS
    """`cloudevents`: CloudEvents 1.0, in the body or in the headers; others are logged and passed over. `any`: each wakes."""


class LogonSettings(BrokerSettings):
    """A broker with a user and a password, and TLS."""

    user: str = ""
    """Who logs on; empty where the broker wants nobody."""
    password: Secret | None = None
    """The user's password."""
    tls: bool = False
    """Speak TLS."""
    ca_file: Path | None = None
    """Certificates that are trusted, PEM; without it, those of the system."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise refusal(HALF_LOGON)
        return self


class KafkaSettings(LogonSettings):
    """A topic of a broker that speaks Kafka's protocol."""

    servers: list[str] = Field(min_length=1, examples=[["kafka.example.com:9092"]])
    """Some of the brokers, as host:port."""
    topics: list[str] = Field(min_length=1, examples=[["hr.people"]])
    """The topics."""
    group: str = "syncd"
    """The consumer group, which keeps the place."""


class NatsSettings(LogonSettings):
    """A stream of NATS JetStream."""

    servers: list[str] = Field(min_length=1, examples=[["nats://nats.example.com:4222"]])
    """Some of the servers."""
    stream: str = Field(min_length=1, examples=["HR"])
    """The stream. It has to be there; syncd makes none."""
    subject: str = Field(min_length=1, examples=["hr.people.>"])
    """Which of its subjects."""
    durable: str = "syncd"
    """The name of the durable consumer, which keeps the place."""


class RabbitMqSettings(LogonSettings):
    """A queue of RabbitMQ (AMQP 0-9-1)."""

    host: str = Field(min_length=1, examples=["rabbitmq.example.com"])
    """The server."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """5672, or 5671 with TLS, unless it is another one."""
    virtual_host: str = "/"
    """The virtual host."""
    queue: str = Field(min_length=1, examples=["syncd"])
    """The queue. It has to be there; syncd neither makes nor binds it. What cannot be understood is rejected, so it goes to the
    queue's dead-letter exchange if it has one."""


class RedisSettings(LogonSettings):
    """A stream of Redis, or of what speaks its protocol (Valkey)."""

    host: str = Field(min_length=1, examples=["redis.example.com"])
    """The server."""
    port: int = Field(default=6379, ge=1, le=65535)
    """Its port."""
    database: int = Field(default=0, ge=0)
    """The number of the database."""
    stream: str = Field(min_length=1, examples=["hr:people"])
    """The stream. An event in structured mode is one field named `data`, or its attributes are fields of the entry."""
    group: str = "syncd"
    """The consumer group, which keeps the place; made if it is not there."""
    consumer: str = "syncd"
    """The name of this consumer within the group; another one for each further syncd."""
    claim_after: Duration = timedelta(seconds=30)
    """What a consumer left unacknowledged for so long is taken over."""


class RocketMqSettings(LogonSettings):
    """A topic of RocketMQ 5, through its proxy (gRPC). `user` is the access key, `password` its secret key."""

    server: str = Field(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$", examples=["rocketmq.example.com:8081"])
    """The proxy, as host:port. Brokers that it names have to be reachable, too."""
    topic: str = Field(pattern=r"^[%a-zA-Z0-9_-]{1,127}$", examples=["hr-people"])
    """The topic."""
    tags: str = "*"
    """Which tags are wanted: `*` for all, or `A || B`."""
    group: str = Field(default="syncd", pattern=r"^[%a-zA-Z0-9_-]{1,255}$")
    """The consumer group, which keeps the place."""
    namespace: str = ""
    """The namespace of topic and group, where the server has any."""
    invisible: Duration = Field(default=timedelta(seconds=30), ge=timedelta(seconds=1), le=timedelta(hours=12))
    """For so long nobody else is given a message that we hold; it is renewed while we do, and after it a message that we never
    acknowledged comes again. Whole seconds; servers refuse less than ten (recalled)."""
