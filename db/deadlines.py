"""Time limits of statements on our side: a server that hangs answers neither queries nor timeouts.

Postgres ends a long statement itself (`statement_timeout`), but not while all its processes are
stopped, its disk hangs or a firewall swallows packets; then libpq waits for ever. One thread per
process looks after the connections that wait for an answer, and shuts the socket of one that waits
too long. libpq then reports a lost connection. A statement costs two entries in a dict.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from threading import Event, Lock, Thread
from typing import Protocol

CHECK_INTERVAL = 0.1  # seconds between two looks, while statements run
TIME_LIMIT: ContextVar[float | None] = ContextVar("statement_time_limit", default=None)
"""Units: seconds of the monotonic clock, by which the statements of this context must be done."""


class WatchedConnection(Protocol):
    """What the watch needs of a connection."""

    is_overdue: bool

    def fileno(self) -> int:
        """Return the descriptor of its socket."""


@contextmanager
def statement_deadline(limit: timedelta) -> Iterator[None]:
    """Let all statements of this block be done within `limit`, counted from now.

    A statement that is not ends with its connection: DatabaseUnavailable. Opening a connection is
    not begun after that, but libpq takes `connect_timeout` for one, two seconds for each host.
    """
    time_limit = time.monotonic() + limit.total_seconds()
    outer_limit = TIME_LIMIT.get()
    token = TIME_LIMIT.set(time_limit if outer_limit is None else min(time_limit, outer_limit))
    try:
        yield
    finally:
        TIME_LIMIT.reset(token)


def is_past_deadline() -> bool:
    """Whether the time of this context's `statement_deadline` is over."""
    time_limit = TIME_LIMIT.get()
    return time_limit is not None and time.monotonic() >= time_limit


class DeadlineWatch:
    """Shuts the sockets of connections whose statement has passed its deadline."""

    def __init__(self) -> None:
        self._deadlines: dict[WatchedConnection, float] = {}
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a forked process has to: threads end with a fork, and held locks stay."""
        self._lock = Lock()
        self._deadlines.clear()
        self._has_work = Event()
        self._is_running = False

    def add(self, connection: WatchedConnection, limit_seconds: float) -> None:
        """Watch a connection whose statement begins now."""
        deadline = time.monotonic() + limit_seconds
        time_limit = TIME_LIMIT.get()
        if time_limit is not None and time_limit < deadline:
            deadline = time_limit
        with self._lock:  # the thread iterates over what is watched
            self._deadlines[connection] = deadline
        if not self._has_work.is_set():
            self._wake_thread()

    def remove(self, connection: WatchedConnection) -> None:
        """End the watch: the statement is done. Its socket is never shut after this."""
        with self._lock:
            self._deadlines.pop(connection, None)

    def _wake_thread(self) -> None:
        """Wake the thread; start it first if this process has none."""
        with self._lock:
            if not self._is_running:
                self._is_running = True
                Thread(target=self._run, name="statement-deadlines", daemon=True).start()
            self._has_work.set()

    def _run(self) -> None:
        while True:
            self._has_work.wait()
            time.sleep(CHECK_INTERVAL)
            with self._lock:
                now = time.monotonic()
                overdue = [item for item, deadline in self._deadlines.items() if deadline < now]
                for connection in overdue:
                    del self._deadlines[connection]
                    shut_socket(connection)
                if not self._deadlines:
                    self._has_work.clear()


def shut_socket(connection: WatchedConnection) -> None:
    """Make libpq's wait end: it reads the end of the connection."""
    connection.is_overdue = True
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as sock:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the peer was faster: libpq notices that by itself


DEADLINE_WATCH = DeadlineWatch()
"""The watch of this process."""

os.register_at_fork(after_in_child=DEADLINE_WATCH.reset)
