"""The load generator: sends the deliveries of a `LoadOrder`, reports every response.

A separate process: the order arrives as JSON on stdin, the report leaves on stdout. With a rate,
deliveries are sent when they are due whether or not earlier ones were answered, and delays count
from the due time, so that a stall of the server is not hidden by senders that wait. Without a
rate, each connection waits for its response. One thread and no framework: the generator shares
the cores with what is measured.
"""

from __future__ import annotations

import gc
import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.delivery_payloads import build_requests, health_request
from bench.load_order import DeliveryResponse, LoadOrder, LoadReport

MAX_TRIES = 2  # a kept connection may be closed just as it is used; the platform also sends again
LAST_RESPONSES_TIMEOUT = 30.0  # seconds for the responses that are outstanding at the end
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CONNECTION_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
STATUS_SLICE = slice(9, 12)  # of "HTTP/1.1 200 OK"
HEAD_END = b"\r\n\r\n"
READ_BYTES = 65536
SOCKET_TIMEOUT = 30.0  # seconds; a delivery fits into the kernel's buffers, so sending never waits


def main() -> None:
    gc.disable()  # a pause of ours would count as one of the server; the process lives for seconds
    order = LoadOrder(**json.load(sys.stdin))
    json.dump(run_order(order)._asdict(), sys.stdout)


def run_order(order: LoadOrder) -> LoadReport:
    sender = LoadSender(order)
    if order.rate is None:
        sender.open_connections()
    before = time.process_time()
    sender.run()
    return LoadReport(tuple(sender.responses), sender.resent_count, time.process_time() - before)


class InFlightDelivery(NamedTuple):
    """A delivery without a response yet; `due` is a time of the monotonic clock."""

    number: int
    due: float
    tries: int = 1


class LoadSender:
    """Sends prepared deliveries over kept connections and records each response."""

    def __init__(self, order: LoadOrder) -> None:
        address = urlsplit(order.url)
        self.order = order
        self.responses: list[DeliveryResponse] = []
        self.resent_count = 0
        self._requests = build_requests(order)
        self._next_number = 1
        self._in_flight: dict[HttpConnection, InFlightDelivery] = {}
        host_and_port = address.hostname or "", address.port or 0
        self._pool = ConnectionPool(host_and_port, exact=order.rate is not None)

    def open_connections(self) -> None:
        """Open all connections before a phase that uses all of them at once."""
        self._pool.open_connections(self.order.connections, health_request(self.order))

    def run(self) -> None:
        self._started = time.perf_counter()
        self._epoch = time.time() - self._started
        self._send_due()
        while self._in_flight or not self._is_finished():
            assert self._elapsed() < self.order.seconds + LAST_RESPONSES_TIMEOUT, (
                f"{len(self._in_flight)} deliveries got no response"
            )
            for connection in self._pool.wait_ready(self._select_timeout()):
                self._read(connection)
            self._send_due()

    def _is_finished(self) -> bool:
        if self._next_number > self.order.max_deliveries:
            return True
        return self.order.rate is None and self._elapsed() >= self.order.seconds

    def _elapsed(self) -> float:
        return time.perf_counter() - self._started

    def _next_due(self) -> float:
        """Return when the next delivery is due, by the monotonic clock."""
        rate = self.order.rate
        return self._started + self._next_number / rate if rate else time.perf_counter()

    def _select_timeout(self) -> float:
        """Return the seconds until the next delivery can be sent.

        A due delivery without a free connection waits for one, and the wait counts.
        """
        if self._is_finished() or len(self._in_flight) >= self.order.connections:
            return LAST_RESPONSES_TIMEOUT
        return max(0.0, self._next_due() - time.perf_counter())

    def _send_due(self) -> None:
        while len(self._in_flight) < self.order.connections and not self._is_finished():
            due = self._next_due()
            if due > time.perf_counter():
                return
            self._send(InFlightDelivery(self._next_number, due))
            self._next_number += 1

    def _send(self, delivery: InFlightDelivery) -> None:
        connection = self._pool.acquire()
        self._in_flight[connection] = delivery
        try:
            connection.send_request(self._requests[delivery.number - 1])
        except ConnectionError:
            self._resend(connection)

    def _read(self, connection: HttpConnection) -> None:
        try:
            status = connection.read_status()
        except ConnectionError:
            self._resend(connection)
            return
        if status is not None and connection in self._in_flight:
            self._record(self._in_flight.pop(connection), status)
            self._pool.release(connection)

    def _resend(self, connection: HttpConnection) -> None:
        """Send the delivery again whose connection the server has closed."""
        self._pool.discard(connection)
        delivery = self._in_flight.pop(connection, None)
        if delivery is None:
            return
        if delivery.tries < MAX_TRIES:
            self.resent_count += 1
            self._send(delivery._replace(tries=delivery.tries + 1))
        else:
            self._record(delivery, 0)

    def _record(self, delivery: InFlightDelivery, status: int) -> None:
        answered_at = time.perf_counter()
        self.responses.append(
            DeliveryResponse(
                delivery.number, self._epoch + delivery.due, self._epoch + answered_at, status
            )
        )


class ConnectionPool:
    """Kept connections to one server.

    `exact` waits with a precision of microseconds; otherwise of milliseconds, which costs less.
    """

    def __init__(self, address: tuple[str, int], *, exact: bool) -> None:
        self._address = address
        self._idle: list[HttpConnection] = []
        self._selector = selectors.SelectSelector() if exact else selectors.DefaultSelector()

    def open_connections(self, count: int, request: bytes) -> None:
        """Open `count` connections and use each once.

        Some servers accept new connections one by one between their requests; that is not to be
        part of the measurement.
        """
        connections = [self._connect() for _ in range(count)]
        for connection in connections:
            connection.send_request(request)
        for connection in connections:
            while connection.read_status() is None:
                pass
            self.release(connection)

    def acquire(self) -> HttpConnection:
        """Return the connection used last; the server may close those that stay idle."""
        return self._idle.pop() if self._idle else self._connect()

    def release(self, connection: HttpConnection) -> None:
        if connection.is_open:
            self._idle.append(connection)
        else:
            self.discard(connection)

    def discard(self, connection: HttpConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._selector.unregister(connection)
        connection.close()

    def wait_ready(self, timeout: float) -> Iterator[HttpConnection]:
        """Wait and yield the connections that can be read. Units: seconds.

        The caller may discard a connection that is still to be yielded.
        """
        for key, _ in self._selector.select(timeout):
            if key.data.is_open:
                yield key.data

    def _connect(self) -> HttpConnection:
        connection = HttpConnection(self._address)
        self._selector.register(connection, selectors.EVENT_READ, connection)
        return connection


class HttpConnection:
    """One kept HTTP/1.1 connection for one request at a time.

    Understands responses with a Content-Length, as all measured servers send them.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=SOCKET_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self.is_open = True

    def fileno(self) -> int:
        return self._socket.fileno()

    def send_request(self, request: bytes) -> None:
        """Send a request. Errors: ConnectionError if the server closed the connection."""
        self._received = b""
        self._socket.sendall(request)

    def read_status(self) -> int | None:
        """Read once; return the status when the response is complete, None before.

        Errors: ConnectionError if the connection is closed before that.
        """
        data = self._socket.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        length = CONTENT_LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return None
        self.is_open = not CONNECTION_CLOSE.search(head)
        return int(head[STATUS_SLICE])

    def close(self) -> None:
        self.is_open = False
        self._socket.close()


if __name__ == "__main__":
    main()
