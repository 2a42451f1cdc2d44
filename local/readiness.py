"""Whether something of ours answers over HTTP. Speaks to loopback alone."""

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urlsplit

from db.ops.heartbeats import Heartbeats
from db.session import Database, DatabaseUnavailable
from local.processes import worker_node_name

PROBE_TIMEOUT = 3.0  # seconds; a check of readiness asks Postgres and the broker


def is_http_ok(url: str) -> bool:
    """True if the answer is 200."""
    parts = urlsplit(url)
    try:
        with closing(http.client.HTTPConnection(parts.netloc, timeout=PROBE_TIMEOUT)) as connection:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


# MERGED local.signs: Signs of life in the database: was beat heard, and each worker, since they started?

HEARTBEAT_NAMES: dict[str, Callable[[], str]] = {
    "worker": lambda: f"alive:{worker_node_name('worker')}",
    "uploads": lambda: f"alive:{worker_node_name('uploads')}",
    "beat": lambda: "tick",  # sent by beat, heard by a worker
}


def heartbeat_check(database: Database, name: str) -> Callable[[], bool]:
    """A condition that begins now: an older sign is another process's."""
    started = time.monotonic()

    def has_fresh_heartbeat() -> bool:
        try:
            with database.transaction() as session:
                age = Heartbeats(session).age(HEARTBEAT_NAMES[name]())
        except DatabaseUnavailable:
            return False
        return age is not None and age.total_seconds() < time.monotonic() - started

    return has_fresh_heartbeat
