"""Connections to Redis as all our clients open them: the limits' client and Celery's transport.

A connection that answers "not here" or "not now" ends, although its socket is healthy. After a
failover the old primary stays connected as a replica and refuses every write; a client that keeps
such a connection never reaches the new primary.
"""

import contextlib
import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelManagedConnection

from core.config.store_addresses import StoreAddress, StoreTls

Answer = TypeVar("Answer")

NOT_SERVING_WORDS = (
    "READONLY",  # a replica, or a primary that was replaced
    "LOADING",
    "MASTERDOWN",
    "NOREPLICAS",
    "MISCONF",  # cannot save to its disk
    "OOM",
    "UNBLOCKED",  # became a replica while a client waited for a message
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
)
NOT_SERVING_PATTERN = re.compile(rf"(?:^|-)({'|'.join(NOT_SERVING_WORDS)})\b")
MAX_REPLY_LENGTH = 200  # characters of a refusal that are searched; scripts add their whole trace


class StoreNotServing(redis.ConnectionError):
    """The server answers, and cannot do this here or now; `word` is the first of its reply."""

    def __init__(self, word: str) -> None:
        super().__init__(f"the server refuses: {word}")
        self.word = word


def find_not_serving_word(error: redis.ResponseError) -> str | None:
    """Return the word of a reply after which the connection is useless; None for other replies.

    Source: Redis 7.0, `createSharedObjects` in server.c. Errors in a script quote the reply.
    """
    reply = f"{getattr(error, 'status_code', None) or ''} {error}".strip()[:MAX_REPLY_LENGTH]
    match = NOT_SERVING_PATTERN.search(reply)
    return match[1] if match else None


class RefusalRetry(Retry):
    """Repeats at once, and once, what a server refused without doing it; nothing else."""

    def __init__(self) -> None:
        super().__init__(NoBackoff(), retries=0)

    def call_with_retry(self, do: Callable[[], Answer], *arguments: Any, **options: Any) -> Answer:
        """Shapes: as redis-py's; its handler of failures closes the connection before the second
        try.
        """
        try:
            return super().call_with_retry(do, *arguments, **options)
        except StoreNotServing:
            return super().call_with_retry(do, *arguments, **options)


if TYPE_CHECKING:
    ConnectionBase = redis.Connection
else:
    ConnectionBase = object


class ServingOnly(ConnectionBase):
    """Ends a connection whose server answers that it cannot serve.

    The command is sent once more over a new one: what was refused has changed nothing.

    Each connection begins with an exchange, because redis-py takes unread data for a fault and
    calls it "Connection not ready". There are two kinds of such data: the reason for which a server
    accepts no client, and the session tickets of TLS 1.3, which arrive after the handshake. A
    client without password, database and name would ask nothing, and lose a third of its
    connections to them.
    """

    def __init__(self, **options: Any) -> None:
        options["retry"] = RefusalRetry()
        super().__init__(**options)  # type: ignore[no-untyped-call]  # redis-py's has no types

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's signature
        super().on_connect_check_health(check_health)
        self.send_command("PING", check_health=False)  # type: ignore[no-untyped-call]  # as above
        with contextlib.suppress(redis.exceptions.NoPermissionError):  # a refusal is an answer too
            self.read_response()

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Errors: StoreNotServing, which every client treats as a lost connection."""
        try:
            return super().read_response(*args, **options)
        except redis.ResponseError as error:
            word = find_not_serving_word(error)
            if word is None:
                raise
            self.disconnect()  # type: ignore[no-untyped-call]  # redis-py's has no types
            raise StoreNotServing(word) from None


class PlainConnection(ServingOnly, redis.Connection):
    """Without TLS."""


class SocketConnection(ServingOnly, redis.UnixDomainSocketConnection):
    """Over a socket file."""


class TlsConnection(ServingOnly, redis.SSLConnection):
    """With TLS."""


class SentinelConnection(ServingOnly, SentinelManagedConnection):
    """To the primary that Sentinel names at the time."""


def tls_options(tls: StoreTls) -> dict[str, Any]:
    """The options of redis-py's `SSLConnection`; kombu and Flower take the same."""
    files = {
        "ssl_ca_certs": tls.ca_file,
        "ssl_certfile": tls.certificate_file,
        "ssl_keyfile": tls.key_file,
    }
    return {
        "ssl_cert_reqs": ssl.CERT_REQUIRED if tls.is_certificate_checked else ssl.CERT_NONE,
        "ssl_check_hostname": tls.is_verified,
        **{name: path for name, path in files.items() if path is not None},
    }


def build_redis(address: StoreAddress, options: dict[str, Any]) -> redis.Redis:
    """Build a client. Connects to nothing yet. `options` are those of `redis.Redis`."""
    login: dict[str, Any] = {
        "username": address.user or None,
        "password": address.password or None,
        "db": address.database,
    }
    if address.sentinels:
        return build_sentinel_redis(address, login | options)
    target: dict[str, Any]
    if address.socket_path:
        target = {"connection_class": SocketConnection, "path": address.socket_path}
        options = {name: value for name, value in options.items() if "connect_timeout" not in name}
    elif address.tls:
        target = {
            "connection_class": TlsConnection,
            "host": address.host,
            "port": address.port,
            **tls_options(address.tls),
        }
    else:
        target = {
            "connection_class": PlainConnection,
            "host": address.host,
            "port": address.port,
        }
    return redis.Redis(connection_pool=redis.ConnectionPool(**target, **login, **options))


def send_command(pool: redis.ConnectionPool, *words: Any) -> Any:
    """Send a command over a connection of the pool, as `Redis.execute_command` does, and return
    the reply as the server gives it. redis-py's own way measures and counts each call, for nobody.

    Errors: those of redis-py.
    """
    connection: Any = pool.get_connection()

    def exchange() -> Any:
        connection.send_command(*words)
        return connection.read_response()

    try:
        return connection.retry.call_with_retry(exchange, lambda _error: connection.disconnect())
    finally:
        pool.release(connection)


def build_sentinel_redis(address: StoreAddress, options: dict[str, Any]) -> redis.Redis:
    """Build a client that asks Sentinel for the primary whenever it connects."""
    timeouts = {name: value for name, value in options.items() if "timeout" in name}
    sentinel: Any = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's has no types
        list(address.sentinels),
        sentinel_kwargs={"password": address.sentinel_password or None, **timeouts},
    )
    client: redis.Redis = sentinel.master_for(
        address.master_name, connection_class=SentinelConnection, **options
    )
    return client
