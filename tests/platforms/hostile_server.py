"""An HTTP server on raw sockets that sends broken, cut off or endless responses."""

import socket
import struct
import threading
from collections import deque
from contextlib import contextmanager, suppress

from platforms.http import NO_RETRY

SHORT_TIMEOUT = (0.2, 0.3)  # seconds, for calls that are meant to be cut off
DRIP_INTERVAL = 0.05  # seconds between two bytes
DRIP_END = b" " * 999  # JSON may end with spaces: these take 50 seconds
CUT_OFF_WITHIN = 10  # seconds, on a busy machine, in which such a call has been cut off
UNSIZED_RESPONSE = b"HTTP/1.1 200 OK\r\n\r\n"  # no length: it ends with the connection
END_CONNECTION = "ends"  # returned by a behaviour after which the connection must be closed
OK_BODY = b'{"data": {}, "error": {"code": "ok"}}'


def http_response(status, body=OK_BODY, **headers):
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


SLOW_RESPONSE = http_response(200, OK_BODY + DRIP_END)


class HostileServer:
    """Each path in `behaviours` misbehaves in its way; other paths give the `responses` in turn.

    `requests` has each request that arrived completely, as (path, body), `request_headers` its
    headers.
    """

    def __init__(self, tls=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tls = tls
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests = []
        self.request_headers = []
        self.recording = threading.Lock()  # two requests at once stay in the same order in both
        self.responses = deque([http_response(200)])  # the last one is repeated
        self.stopped = threading.Event()
        self.behaviours = {
            "/html": lambda sock: sock.sendall(http_response(200, b"<html>all is well</html>")),
            "/huge": lambda sock: sock.sendall(http_response(200, b" " * 2_000_000)),
            "/truncated": lambda sock: sock.sendall(http_response(200)[:-9]),
            "/truncated-json": lambda sock: sock.sendall(http_response(200, OK_BODY[:-9])),
            "/redirect": lambda sock: sock.sendall(http_response(302, b"", Location="/ok")),
            "/reset": self.reset_connection,
            "/half-close": self.half_close,
            "/last-words": self.respond_and_stop,
            "/silent": lambda _: self.stopped.wait(30),
            "/drip-head": lambda sock: self.send_slowly(sock, SLOW_RESPONSE),
            "/drip-body": lambda sock: self.send_slowly(sock, SLOW_RESPONSE, at_once=40),
            "/drip-open-end": lambda sock: self.send_slowly(
                sock, UNSIZED_RESPONSE + DRIP_END, at_once=30
            ),
        }
        self.closing_behaviours = frozenset(self.behaviours.values())

    def send_next_response(self, sock):
        is_last = len(self.responses) < 2
        sock.sendall(self.responses[0] if is_last else self.responses.popleft())

    def send_slowly(self, sock, octets, at_once=0):
        sock.sendall(octets[:at_once])
        for octet in octets[at_once:]:
            if self.stopped.wait(DRIP_INTERVAL):
                return
            sock.sendall(bytes([octet]))

    def reset_connection(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def respond_and_stop(self, sock):
        self.listener.shutdown(socket.SHUT_RDWR)
        sock.sendall(http_response(503, Connection="close"))

    def half_close(self, sock):
        sock.shutdown(socket.SHUT_WR)
        self.stopped.wait(5)

    def serve(self):
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self.handle_connection, args=[sock], daemon=True).start()

    def handle_connection(self, sock):
        with suppress(OSError):
            self.serve_connection(
                self.tls.wrap_socket(sock, server_side=True) if self.tls else sock
            )

    def serve_connection(self, sock):
        """Serve requests until a behaviour ends the connection.

        To close it after a normal response without announcing it would race with the next request.
        """
        with suppress(OSError), sock:
            while request := self.read_request(sock):
                path, body, headers = request
                with self.recording:
                    self.requests.append((path, body))
                    self.request_headers.append(headers)
                behaviour = self.behaviours.get(path.partition("?")[0])
                result = (behaviour or self.send_next_response)(sock)
                if result == END_CONNECTION or behaviour in self.closing_behaviours:
                    return

    def read_request(self, sock):
        with sock.makefile("rb") as lines:
            request_line = lines.readline().decode()
            if not request_line:
                return None
            headers = {}
            while line := lines.readline().decode().strip():
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            body = lines.read(int(headers.get("content-length", 0)))
            return request_line.split()[1], body, headers


@contextmanager
def hostile_server(tls=None):
    server = HostileServer(tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        with suppress(OSError):
            server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


def set_responses(server, *responses):
    """Set the responses from now on; the last one is repeated."""
    server.responses.clear()
    server.responses.extend(responses)


def closed_port_url():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def call_endpoint(http, url, *, retry=NO_RETRY, timeout=SHORT_TIMEOUT, **options):
    return http.call("POST", url, endpoint="test", retry=retry, timeout=timeout, **options)
