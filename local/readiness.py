"""Readiness checks of processes: an HTTP health check, or a recent heartbeat in the database."""

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extensions import connection

from local.processes import worker_node_name

AGE_SQL = "SELECT EXTRACT(EPOCH FROM clock_timestamp() - at) FROM beats WHERE name = %s"
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
        with closing(http.client.HTTPConnection(parts.netloc, timeout=PROBE_TIMEOUT)) as client:
            client.request("GET", parts.path or "/", headers=dict(headers))
            return client.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


class HeartbeatReader:
    """Reads heartbeats through one connection, which loads less than our tables do.

    Shapes: `database` is a URL as libpq reads it.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._connection: connection | None = None

    def build_check(self, name: str) -> Callable[[], bool]:
        """Return a check for a heartbeat from now on: an older one is of an earlier process."""
        started_at = time.monotonic()

        def has_fresh_heartbeat() -> bool:
            age = self.read_age(HEARTBEAT_NAMES[name]())
            return age is not None and age < time.monotonic() - started_at

        return has_fresh_heartbeat

    def read_age(self, name: str) -> float | None:
        """Return its age; None without a heartbeat, or without a database. Units: seconds."""
        try:
            if self._connection is None:
                self._connection = psycopg2.connect(self._database, connect_timeout=3)
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(AGE_SQL, (name,))
                row = cursor.fetchone()
        except psycopg2.Error:
            self.close()
            return None
        return None if row is None else float(row[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
