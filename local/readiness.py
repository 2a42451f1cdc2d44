"""Readiness checks of processes: an HTTP health check, or a recent heartbeat in the database."""

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from urllib.parse import urlsplit

from db.ops.heartbeats import Heartbeats
from db.session import Database, DatabaseUnavailable
from local.processes import worker_node_name

PROBE_TIMEOUT = 3.0  # seconds; a health check may query Postgres and the broker

HEARTBEAT_NAMES: dict[str, Callable[[], str]] = {
    "worker": lambda: f"alive:{worker_node_name('worker')}",
    "uploads": lambda: f"alive:{worker_node_name('uploads')}",
    "beat": lambda: "tick",  # sent by beat, recorded by a worker
}
"""Processes without a port, and the name of the heartbeat that shows that each of them works."""


def is_http_ok(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Return whether the server answers with 200."""
    parts = urlsplit(url)
    try:
        with closing(http.client.HTTPConnection(parts.netloc, timeout=PROBE_TIMEOUT)) as connection:
            connection.request("GET", parts.path or "/", headers=dict(headers))
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def heartbeat_check(database: Database, name: str) -> Callable[[], bool]:
    """Return a check for a heartbeat from now on: an older one is of an earlier process."""
    started_at = time.monotonic()

    def has_fresh_heartbeat() -> bool:
        try:
            with database.transaction() as session:
                age = Heartbeats(session).age(HEARTBEAT_NAMES[name]())
        except DatabaseUnavailable:
            return False
        return age is not None and age.total_seconds() < time.monotonic() - started_at

    return has_fresh_heartbeat
