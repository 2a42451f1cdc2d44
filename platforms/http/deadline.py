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

MAX_JOINED_BYTES = 16_384
"""Parts of a request up to this size wait for the rest of it; a longer one, such as a chunk of a
video, is sent as it is, because joining would copy it.
"""

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
    """A connection that applies its timeout to connecting and the deadline to everything after.

    Head and body of a short request leave in one packet. Python's own client sends each part with
    a call of its own, which costs both sides more than the rest of sending.
    """

    _unsent: list[bytes] | None = None  # parts of the present request; None: there is none

    def request(self, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = current_deadline.get().watch_socket(self.sock)
        self._unsent = []
        try:
            super().request(*args, **options)
            self._send_joined()
        finally:
            self._unsent = None

    def send(self, data: Any) -> None:
        if self._unsent is not None and type(data) is bytes and len(data) <= MAX_JOINED_BYTES:
            self._unsent.append(data)
            return
        self._send_joined()
        super().send(data)

    def _send_joined(self) -> None:
        if self._unsent:
            joined, self._unsent = b"".join(self._unsent), []
            super().send(joined)


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


class _PlainResponse(requests.Response):
    """A response without cookies and history, with the headers as urllib3 has parsed them."""

    def __init__(self, request: requests.PreparedRequest, raw: Any) -> None:
        self.request, self.raw, self.url = request, raw, request.url or ""
        self.status_code, self.reason, self.headers = raw.status, raw.reason, raw.headers
        self._content = False  # type: ignore[assignment]  # the library's mark: not read yet
        self._content_consumed = False


class _DeadlineAdapter(HTTPAdapter):
    """Leaves out what is the same for each call of a host, and what nobody reads.

    Our sessions have no proxies, no client certificates and no cookies.
    """

    def __init__(self, pools: Mapping[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        self._last_pool: tuple[object, Any] = None, None
        super().__init__()

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the pool of the host: that of the call before, if it was to the same one."""
        key = (request.url.split("/", 3)[:3], verify)
        last_key, pool = self._last_pool
        if pool is None or last_key != key:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._last_pool = key, pool
        return pool

    def close(self) -> None:
        self._last_pool = None, None  # a pool without owners closes its connections
        super().close()

    def request_url(self, request: Any, proxies: Any) -> str:  # noqa: ARG002 - of the base class
        path: str = request.path_url
        return path

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        return _PlainResponse(req, resp)

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
