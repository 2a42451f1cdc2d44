"""Whether the broker does what we need of it, tried over the connection that Celery would use."""

from contextlib import suppress
from threading import Thread
from typing import Any

import redis
import structlog
from amqp import exceptions
from celery import Celery
from kombu import Connection, Exchange, Producer, Queue

from core.limits.redis_trials import BROKER_TRIALS, MESSAGE_TRIALS, find_refusal
from core.limits.store_faults import (
    WRONG_CREDENTIALS_SENTENCE,
    describe_network_fault,
    describe_redis_fault,
    iter_causes,
)
from tasks.celery import app
from tasks.wake import PUBLISH_TIMEOUT

DOCTOR_TIMEOUT = 5.0  # seconds that a person waits for all trials
SILENCE = "does not answer in time: check the network, and whether it hangs"


class BrokerBlocked(Exception):
    """RabbitMQ says that it takes no messages for now."""


RABBITMQ_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AccessRefused, WRONG_CREDENTIALS_SENTENCE),
    (
        exceptions.NotAllowed,
        "has no vhost of the name in the URL, or not for this user: add it, or its permissions",
    ),
    (
        exceptions.PreconditionFailed,
        "has a queue of ours with other flags: delete it, and it is declared anew",
    ),
    (exceptions.ResourceLocked, "has a queue of ours that belongs to another connection"),
    (exceptions.ConnectionForced, "is shutting down"),
    (
        BrokerBlocked,
        "takes no messages because memory or disk ran short: look into its log, and make room",
    ),
    (exceptions.NotFound, "does not know a queue that was just declared"),
)
PERMISSION_SENTENCE = (
    "does not let the user of the URL declare, write or read queues: give it configure, write and "
    "read permissions on the vhost"
)

log = structlog.get_logger(__name__)


def is_broker_reachable() -> bool:
    """Whether the broker takes and returns messages, within `PUBLISH_TIMEOUT`."""
    fault = find_broker_fault(PUBLISH_TIMEOUT, is_thorough=False)
    if fault is not None:
        log.warning("broker.unreachable", reason=fault)
    return fault is None


def find_broker_fault(
    timeout: float = DOCTOR_TIMEOUT, *, celery_app: Celery = app, is_thorough: bool = True
) -> str | None:
    """Return what is wrong as a sentence that continues "the broker", or None.

    A thorough trial does everything that our processes do; the other sends one message, which a
    distant broker too takes within a readiness check.

    Tries in a separate thread: socket timeouts limit single steps, not the whole of them.
    """
    results: list[str | None] = []
    thread = Thread(
        target=try_broker, args=(celery_app, results, is_thorough), name="broker", daemon=True
    )
    thread.start()
    thread.join(timeout)
    return results[0] if results else SILENCE


def try_broker(celery_app: Celery, results: list[str | None], is_thorough: bool) -> None:  # noqa: FBT001 - arguments of a thread
    try:
        with celery_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            if connection.transport.driver_type == "redis":
                results.append(try_redis(connection, is_thorough=is_thorough))
                return
            try_rabbitmq(connection)
            if is_thorough:
                declare_again(celery_app, connection)
            results.append(None)
    except Exception as error:  # noqa: BLE001 - whatever it is, the broker cannot be used
        results.append(describe_broker_fault(error))


def try_redis(connection: Connection, *, is_thorough: bool) -> str | None:
    channel: Any = connection.default_channel
    trials = BROKER_TRIALS if is_thorough else MESSAGE_TRIALS
    return find_refusal(channel.client, trials, store="broker")


def try_rabbitmq(connection: Connection) -> None:
    """Send a message through a queue that ends with the connection."""
    amqp_connection: Any = connection.connection
    amqp_connection.on_blocked = report_alarm
    with connection.channel() as channel:
        queue = Queue("", Exchange(""), exclusive=True, auto_delete=True, channel=channel)
        queue.declare()
        Producer(channel).publish("trial", routing_key=queue.name, expiration=10)
        queue.get(no_ack=True)


def report_alarm(reason: str) -> None:
    """End the trial: RabbitMQ says that it would keep us waiting. Errors: BrokerBlocked."""
    raise BrokerBlocked(reason)


def declare_again(celery_app: Celery, connection: Connection) -> None:
    """Declare our queues that exist already, as each worker does; a worker makes the others."""
    channel: Any
    for queue in celery_app.amqp.queues.values():
        with connection.channel() as channel, suppress(exceptions.NotFound):
            channel.queue_declare(queue.name, passive=True)
            queue.bind(channel).declare()


def describe_broker_fault(error: BaseException) -> str:
    """The sentence for an error of kombu, py-amqp or redis-py."""
    for cause in iter_causes(error):
        if isinstance(cause, redis.RedisError):
            return describe_redis_fault(cause, store="broker")
        if isinstance(cause, exceptions.AccessRefused) and cause.method_sig not in {None, (0, 0)}:
            return PERMISSION_SENTENCE
        for kind, sentence in RABBITMQ_SENTENCES:
            if isinstance(cause, kind):
                return sentence
    return describe_network_fault(error, store="broker")
