"""HTTP sessions with a total time limit per exchange, which `requests` itself does not have."""

import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from threading import Lock, Thread
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it logs whole URLs, tokens included

DEFAULT_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # no compression: a small body could unpack to gigabytes
    "User-Agent": "signalpost",
}

CHECK_INTERVAL = 0.05  # seconds between two checks for expired deadlines


class Deadline:
    """The end of one exchange. A socket's timeout starts again with each byte; this does not."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._socket: socket.socket | None = None

    @property
    def seconds_left(self) -> float:
        return self._ends_at - time.monotonic()

    @property
    def is_expired(self) -> bool:
        return self.seconds_left <= 0

    def watch_socket(self, sock: socket.socket) -> float:
        """Shut the socket down at the deadline, which ends every call that waits for it.

        Units: returns the seconds left.
        """
        self._socket = sock
        _watcher.add(self)
        return max(self.seconds_left, 0.001)  # 0 would make the socket non-blocking

    def unwatch(self) -> None:
        _watcher.discard(self)

    def shut_socket(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class DeadlineWatcher:
    """Shuts down the sockets of expired exchanges, in one thread per process.

    The thread runs only while there are exchanges. One timer per exchange would start a thread for
    every call, and busy threads wait for each other.
    """

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)  # a child process inherits no thread

    def _reset(self) -> None:
        self._lock = Lock()
        self._active = set[Deadline]()
        self._is_running = False

    def add(self, deadline: Deadline) -> None:
        with self._lock:
            self._active.add(deadline)
            if not self._is_running:
                self._is_running = True
                Thread(target=self._run, name="deadlines", daemon=True).start()

    def discard(self, deadline: Deadline) -> None:
        with self._lock:
            self._active.discard(deadline)

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_INTERVAL)
            with self._lock:
                expired = [deadline for deadline in self._active if deadline.is_expired]
                if not self._active:
                    self._is_running = False
                    return
            for deadline in expired:
                deadline.shut_socket()


_watcher = DeadlineWatcher()

current_deadline: ContextVar[Deadline] = ContextVar("deadline")  # of this thread's exchange


class DeadlineConnection(HTTPConnection):
    """A connection that applies its timeout to connecting and the deadline to everything after."""

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = current_deadline.get().watch_socket(self.sock)
        super().request(*args, **options)


class DeadlineTLSConnection(DeadlineConnection, HTTPSConnection):
    pass


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = DeadlineConnection


class _DeadlineTLSPool(HTTPSConnectionPool):
    ConnectionCls = DeadlineTLSConnection


POOL_CLASSES: Mapping[str, type[HTTPConnectionPool]] = {
    "http": _DeadlinePool,
    "https": _DeadlineTLSPool,
}


class _DeadlineAdapter(HTTPAdapter):
    def __init__(self, pools: Mapping[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = dict(self._pools)


def create_session(
    pools: Mapping[str, type[HTTPConnectionPool]] = POOL_CLASSES,
) -> requests.Session:
    """Create a session that keeps no cookies and ignores the environment."""
    session = requests.Session()
    session.trust_env = False  # neither .netrc nor a proxy variable may send a token elsewhere
    session.headers.clear()  # `DEFAULT_HEADERS` are added to each request
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _DeadlineAdapter(pools))
    return session
