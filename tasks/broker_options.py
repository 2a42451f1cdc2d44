"""Celery's settings that follow from BROKER_URL: address, TLS, timeouts and flags of queues."""

import ssl
from typing import Any

from core.config.broker_urls import parse_broker_addresses
from core.config.store_addresses import StoreAddress
from core.limits.redis_connections import tls_options
from tasks.broker_transports import register_transports

CONSUMER_ROLES = frozenset({"worker", "uploads"})
"""Roles that consume. All others only publish, and must not wait for a broker that hangs."""

REDIS_OPTIONS = {
    "socket_keepalive": True,
    "health_check_interval": 10,  # a half-open connection is noticed after 21 s instead of 51 s
    "visibility_timeout": 900,  # > 2 x the longest hard limit; equal everywhere: the shortest wins
}

REDIS_PUBLISHER_OPTIONS = {**REDIS_OPTIONS, "socket_timeout": 1.0, "socket_connect_timeout": 0.5}

REDIS_CONSUMER_OPTIONS = {
    **REDIS_OPTIONS,
    "socket_timeout": 30.0,  # long: an ack that times out blocks a worker process for ever
    "socket_connect_timeout": 2.0,
    "unacked_restore_interval": 10,  # with throttle 1: a dead worker's message returns 90 s sooner
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 60,  # an orphaned mutex blocks redelivery for one minute, not five
}

# py-amqp's own names: it silently ignores `socket_timeout` and would then wait for ever.
AMQP_PUBLISHER_OPTIONS = {
    "confirm_publish": True,  # an unconfirmed message may be lost
    "connect_timeout": 1.0,
    "read_timeout": 1.0,
    "write_timeout": 1.0,
}

AMQP_CONSUMER_OPTIONS = {
    "confirm_publish": True,
    "connect_timeout": 3.0,
    "write_timeout": 10.0,  # and no read timeout: the heartbeat watches an idle link
}

RABBITMQ_QUEUE_FLAGS = {
    # RabbitMQ from 4.3 on refuses queues that are neither durable nor exclusive, Celery's default
    # for both (https://www.rabbitmq.com/docs/deprecated-features-list, read 2026-11-29). Replies
    # are read over any connection of a pool, and a worker that reconnects finds its old mailbox
    # still held: those are durable, and expire unused. Each reader of events has a queue of its
    # own, which ends with its connection.
    "control_queue_durable": True,
    "control_queue_expires": 60.0,
    "event_queue_exclusive": True,
}

register_transports()


def broker_settings(broker_url: str, role: str) -> dict[str, Any]:
    """The settings. `role` is a value of SIGNALPOST_ROLE.

    Errors: ValueError for an address that no client of ours could use; it quotes no password.
    """
    addresses = parse_broker_addresses(broker_url)
    is_redis = addresses[0].kind == "redis"
    url = ";".join(address.login_url for address in addresses)
    settings: dict[str, Any] = {
        "broker_url": url,
        # Celery's commands take BROKER_URL from the environment and prefer it to `broker_url`.
        "broker_read_url": url,
        "broker_write_url": url,
        "broker_transport_options": transport_options(addresses[0], role),
        **({} if is_redis else RABBITMQ_QUEUE_FLAGS),
    }
    if addresses[0].tls is not None:
        settings["broker_use_ssl"] = (
            tls_options(addresses[0].tls) if is_redis else rabbitmq_tls(addresses)
        )
    return settings


def transport_options(address: StoreAddress, role: str) -> dict[str, Any]:
    consumes = role in CONSUMER_ROLES
    if address.kind == "amqp":
        return dict(AMQP_CONSUMER_OPTIONS if consumes else AMQP_PUBLISHER_OPTIONS)
    options: dict[str, Any] = dict(REDIS_CONSUMER_OPTIONS if consumes else REDIS_PUBLISHER_OPTIONS)
    if address.sentinels:
        timeouts = {name: value for name, value in options.items() if name.startswith("socket_t")}
        options["master_name"] = address.master_name
        options["sentinel_kwargs"] = {"password": address.sentinel_password or None, **timeouts}
    return options


def rabbitmq_tls(addresses: tuple[StoreAddress, ...]) -> dict[str, Any]:
    """The options of py-amqp, which verifies a name only if it is given one.

    The name of a single server is given here, because kombu replaces `localhost` by its number.
    None stands for the server that is connected to, of several.
    """
    tls = addresses[0].tls
    if tls is None:
        return {}
    options: dict[str, Any] = {
        "cert_reqs": ssl.CERT_REQUIRED if tls.is_certificate_checked else ssl.CERT_NONE,
        "ca_certs": tls.ca_file,
        "certfile": tls.certificate_file,
        "keyfile": tls.key_file,
    }
    if tls.is_verified:
        options["server_hostname"] = addresses[0].host if len(addresses) == 1 else None
    return options
