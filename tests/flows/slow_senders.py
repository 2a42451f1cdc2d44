"""Clients that send the body of a request a byte at a time, and never come to its end."""

import socket
import threading
from contextlib import contextmanager

CONNECT_TIMEOUT = 5.0  # seconds
BYTE_INTERVAL = 0.5  # seconds between two bytes of one sender
ANNOUNCED_BYTES = 60_000


def format_head(method, path, *headers):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def announce_length(size=ANNOUNCED_BYTES):
    return f"Content-Length: {size}"


def build_heads(server, upload_path):
    """Heads of requests of every kind: anonymous and signed in, announced and chunked."""
    form, json_type = (f"Content-Type: application/{name}" for name in ("x-www-form", "json"))
    chunked, auth = "Transfer-Encoding: chunked", f"Authorization: {server.auth['Authorization']}"
    tus = (
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
    )
    return [
        format_head("POST", "/logout", form, announce_length()),
        format_head("POST", "/login", form, chunked),
        format_head("POST", "/api/webhooks/tiktok", json_type, announce_length()),
        format_head("POST", "/api/webhooks/tiktok", json_type, announce_length(900_000)),
        format_head("POST", "/api/webhooks/tiktok", json_type, chunked),
        format_head("POST", "/api/auth/login", json_type, chunked),
        format_head("POST", "/api/posts", json_type, auth, announce_length()),
        format_head("PATCH", upload_path, auth, *tus, announce_length(1_000_000)),
        format_head("PATCH", upload_path, auth, *tus, chunked),
        format_head("PATCH", upload_path, *tus, announce_length(1_000_000)),
    ]


@contextmanager
def run_slow_senders(port, heads, count):
    """Open `count` connections with these heads in turn; yield the sockets while they trickle."""
    connections, stopped = [], threading.Event()
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port), CONNECT_TIMEOUT)
        head = heads[number % len(heads)]
        connection.sendall(head)
        connections.append((connection, b"1\r\na\r\n" if b"chunked" in head else b"a"))

    def trickle():
        while not stopped.wait(BYTE_INTERVAL):
            for connection, data in connections:
                try:
                    connection.sendall(data)
                except OSError:
                    continue  # the server has ended this one

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        yield [connection for connection, _ in connections]
    finally:
        stopped.set()
        thread.join()
        for connection, _ in connections:
            connection.close()
