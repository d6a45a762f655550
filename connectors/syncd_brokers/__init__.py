"""Message brokers as triggers: whoever publishes that somebody changed wakes the source that knows more.

Kafka, NATS JetStream, RabbitMQ and Redis Streams. The libraries come with the extra `brokers`, and are imported when something
listens.
"""

from __future__ import annotations

from syncd_brokers.triggers import Kafka, Nats, RabbitMq, Redis

__all__ = ["Kafka", "Nats", "RabbitMq", "Redis"]
