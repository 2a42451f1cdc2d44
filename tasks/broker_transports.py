"""Kombu's transports with our connections, and with queues of wake-ups that stay short.

They take the place of kombu's own under the same names, so that URLs, Flower and `celery inspect`
go on as before. Source: kombu 5.7, `kombu.transport.TRANSPORT_ALIASES`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from kombu import transport
from kombu.transport import pyamqp, virtual
from kombu.transport import redis as kombu_redis
from kombu.utils.json import dumps

from core.limits.redis_connections import PlainConnection, SentinelConnection, TlsConnection

MAX_WAITING_WAKE_UPS = 200
"""Messages in a queue above which no wake-up is added; about a kilobyte each."""


class ReleasingQoS(kombu_redis.QoS):
    """Releases a worker's place for the next message although the broker did not take the ack.

    kombu keeps it for ever: a worker with one process would never receive a message again. The
    message itself stays with the broker and is delivered once more after the visibility timeout.
    """

    def ack(self, delivery_tag: str) -> None:
        with self._release_if_refused(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        with self._release_if_refused(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)

    @contextmanager
    def _release_if_refused(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError):
            virtual.QoS.ack(self, delivery_tag)
            raise


class ShortQueues(kombu_redis.Channel):
    """Adds no wake-up to a queue that already holds many: one of them is enough to find all rows.

    Redis has no expiry of list items: kombu leaves it to the consumer, so a queue without one grew
    by 95,000 messages a day. LPUSH returns the length, so that it is asked for only while the queue
    is long. Messages without expiry have a payload and are always added. RabbitMQ drops expired
    messages by itself.
    """

    QoS = ReleasingQoS
    connection_class: Any = PlainConnection
    connection_class_ssl: Any = TlsConnection

    def __init__(self, *args: Any, **options: Any) -> None:
        self._known_lengths: dict[str, int] = {}
        super().__init__(*args, **options)

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        if options.get("_publish_batch") is not None or not has_expiry(message):
            super()._put(queue, message, **options)
            return
        priority = self._get_message_priority(message, reverse=False)
        key = self._q_for_pri(queue, priority)  # type: ignore[attr-defined]  # the stubs lack it
        with self.conn_or_acquire() as client:
            if self._known_lengths.get(key, 0) >= MAX_WAITING_WAKE_UPS:
                self._known_lengths[key] = client.llen(key)
            if self._known_lengths.get(key, 0) < MAX_WAITING_WAKE_UPS:
                self._known_lengths[key] = client.lpush(key, dumps(message))


class SentinelShortQueues(ShortQueues, kombu_redis.SentinelChannel):
    """The same for a Redis that Sentinel names, which is without TLS."""

    connection_class = SentinelConnection


class RedisTransport(kombu_redis.Transport):
    """Redis, over TCP, TLS or a socket file."""

    Channel = ShortQueues


class SentinelTransport(kombu_redis.SentinelTransport):
    """Redis behind Sentinel."""

    Channel = SentinelShortQueues


class RabbitTlsTransport(pyamqp.SSLTransport):
    """RabbitMQ over TLS, each server verified by its own name.

    kombu writes the name of the first server into the options that all servers share, and would
    expect that name of the next one too.
    """

    def establish_connection(self) -> Any:
        client: Any = self.client
        if client.ssl.get("server_hostname", "") is None:
            client.ssl = {**client.ssl, "server_hostname": client.hostname}
        return super().establish_connection()


def has_expiry(message: dict[str, Any]) -> bool:
    """Whether the message may be lost: wake-ups, ticks and canaries expire."""
    return bool(message.get("properties", {}).get("expiration"))


def register_transports() -> None:
    """Let kombu use these for the URLs of our brokers."""
    transport.TRANSPORT_ALIASES.update(
        {
            name: f"{__name__}:{transport_class.__name__}"
            for name, transport_class in TRANSPORTS.items()
        }
    )


TRANSPORTS = {
    "redis": RedisTransport,
    "rediss": RedisTransport,
    "sentinel": SentinelTransport,
    "amqps": RabbitTlsTransport,
}
