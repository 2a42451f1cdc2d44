"""A server with bad manners, on raw sockets: what no decent framework would send."""

import socket
import struct
import threading
from collections import deque
from contextlib import contextmanager, suppress

from platforms.http import ONCE

SHORT = (0.2, 0.3)  # seconds, for calls that are meant to be cut off
PAUSE = 0.05  # seconds between two drops of a drip
OPEN_END = b"HTTP/1.1 200 OK\r\n\r\n"  # no length: the answer goes on until the connection ends
ENDS = "ends"  # the word of a manner that has spoilt the connection
JSON = b'{"data": {}, "error": {"code": "ok"}}'


def answer(status, body=JSON, **headers):
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Hostile:
    """Each path is a manner, any other path plays the script.

    `seen` holds every request that arrived whole, as (path, body), `heads` its headers.
    """

    def __init__(self, tls=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tls = tls
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.seen = []
        self.heads = []
        self.script = deque([answer(200)])  # answers to give, the last one for ever
        self.over = threading.Event()
        self.manners = {
            "/html": lambda sock: sock.sendall(answer(200, b"<html>all is well</html>")),
            "/huge": lambda sock: sock.sendall(answer(200, b" " * 2_000_000)),
            "/truncated": lambda sock: sock.sendall(answer(200)[:-9]),
            "/truncated-json": lambda sock: sock.sendall(answer(200, JSON[:-9])),
            "/redirect": lambda sock: sock.sendall(answer(302, b"", Location="/ok")),
            "/reset": self.reset,
            "/half-close": self.half_close,
            "/last-words": self.last_words,
            "/silent": lambda _: self.over.wait(30),
            "/drip-head": lambda sock: self.drip(sock, answer(200)),
            "/drip-body": lambda sock: self.drip(sock, answer(200), at_once=40),
            "/drip-open-end": lambda sock: self.drip(sock, OPEN_END + b" " * 999, at_once=30),
        }
        self.bad = frozenset(self.manners.values())  # after these the connection ends

    def play(self, sock):
        kept = len(self.script) < 2
        sock.sendall(self.script[0] if kept else self.script.popleft())

    def drip(self, sock, octets, at_once=0):
        sock.sendall(octets[:at_once])
        for octet in octets[at_once:]:
            if self.over.wait(PAUSE):
                return
            sock.sendall(bytes([octet]))

    def reset(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def last_words(self, sock):
        self.listener.shutdown(socket.SHUT_RDWR)
        sock.sendall(answer(503, Connection="close"))

    def half_close(self, sock):
        sock.shutdown(socket.SHUT_WR)
        self.over.wait(5)

    def serve(self):
        with suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self.greet, args=[sock], daemon=True).start()

    def greet(self, sock):
        with suppress(OSError):
            self.attend(self.tls.wrap_socket(sock, server_side=True) if self.tls else sock)

    def attend(self, sock):
        """A connection is kept as long as nothing spoils it: to end one after a good answer, and
        not to say so, is a race with the next request.
        """
        with suppress(OSError), sock:
            while request := self.read(sock):
                path, body = request
                self.seen.append((path, body))
                manner = self.manners.get(path.partition("?")[0])
                said = (manner or self.play)(sock)
                if said == ENDS or manner in self.bad:
                    return

    def read(self, sock):
        with sock.makefile("rb") as lines:
            first = lines.readline().decode()
            if not first:
                return None
            head = {}
            while line := lines.readline().decode().strip():
                name, _, value = line.partition(": ")
                head[name.lower()] = value
            self.heads.append(head)
            return first.split()[1], lines.read(int(head.get("content-length", 0)))


@contextmanager
def hostile_server(tls=None):
    server = Hostile(tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


def plays(server, *answers):
    """What the server answers from now on, the last one for ever."""
    server.script.clear()
    server.script.extend(answers)


def a_port_nobody_listens_on():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def call(http, url, *, repeat=ONCE, timeout=SHORT, **rest):
    return http.call("POST", url, endpoint="test", repeat=repeat, timeout=timeout, **rest)
