"""Message brokers as triggers: whoever publishes that somebody changed wakes the source that knows more.

Kafka, NATS JetStream, RabbitMQ, Redis Streams and RocketMQ. The libraries come with the extras `brokers` and `rocketmq`, and are
imported when something listens.
"""

from __future__ import annotations

from syncd_brokers.triggers import Kafka, Nats, RabbitMq, Redis, RocketMq

__all__ = ["Kafka", "Nats", "RabbitMq", "Redis", "RocketMq"]
