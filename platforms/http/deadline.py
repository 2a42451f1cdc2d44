"""Sessions whose exchanges end on time. Must not know what is sent, nor when to send it again."""

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

logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # it writes whole URLs, tokens included

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # nothing to unpack, so nothing that unpacks to gigabytes
    "User-Agent": "signalpost",
}


LOOK = 0.05  # seconds between two looks for exchanges whose time is over


class Deadline:
    """The end of one exchange. A socket's own timeout starts anew with each byte; this does not."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        return self._at - time.monotonic()

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def guard(self, sock: socket.socket) -> float:
        """From now on the socket dies at the deadline, and with it whatever waits for it.

        Units: gives the seconds left.
        """
        self._socket = sock
        _watch.add(self)
        return max(self.left, 0.001)  # 0 would make the socket non-blocking

    def lift(self) -> None:
        _watch.discard(self)

    def cut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


class Watch:
    """Cuts what is over. One thread for all exchanges of a process, as long as there are any: a
    timer for each cost every call the start of a thread, and busy threads wait for one another.
    """

    def __init__(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # the thread stays with the parent

    def _begin(self) -> None:
        self._lock, self._under_way, self._looks = Lock(), set[Deadline](), False

    def add(self, deadline: Deadline) -> None:
        with self._lock:
            self._under_way.add(deadline)
            if not self._looks:
                self._looks = True
                Thread(target=self._look, name="deadlines", daemon=True).start()

    def discard(self, deadline: Deadline) -> None:
        with self._lock:
            self._under_way.discard(deadline)

    def _look(self) -> None:
        while True:
            time.sleep(LOOK)
            with self._lock:
                over = [deadline for deadline in self._under_way if deadline.is_over]
                if not self._under_way:
                    self._looks = False
                    return
            for deadline in over:
                deadline.cut()


_watch = Watch()


current: ContextVar[Deadline] = ContextVar("deadline")  # of the exchange this thread is in


class Guarded(HTTPConnection):
    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = current.get().guard(self.sock)  # for sending; until here, for connecting
        super().request(*args, **options)


class GuardedTLS(Guarded, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = Guarded


class _PoolTLS(HTTPSConnectionPool):
    ConnectionCls = GuardedTLS


POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _PoolTLS}


class _Adapter(HTTPAdapter):
    def __init__(self, pools: Mapping[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = dict(self._pools)


def guarded_session(
    pools: Mapping[str, type[HTTPConnectionPool]] = POOLS,
) -> requests.Session:
    """A session that keeps no cookies and takes nothing from the environment."""
    session = requests.Session()
    session.trust_env = False  # neither .netrc nor a proxy variable may send a token elsewhere
    session.headers.clear()  # `HEADERS` go with each request
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pools))
    return session
