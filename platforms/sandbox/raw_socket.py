"""Broken HTTP responses, written directly to the socket: cut off, reset, byte by byte.

Callers raise `ConnectionDropped` afterwards, so that the server sends nothing more.
"""

import os
import socket
import struct
import threading

from werkzeug.wrappers import Response

START_LINE_BYTES = 7  # a response cut after so many bytes has no complete start line


class ConnectionDropped(ConnectionAbortedError):
    """The connection was dropped on purpose."""


def response_bytes(response: Response) -> bytes:
    head = [f"HTTP/1.1 {response.status}", *(f"{key}: {value}" for key, value in response.headers)]
    body: bytes = response.data
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1") + body


def half_response(response: Response) -> bytes:
    """Return the response cut in the middle of its body; without a body, in the first line.

    Some clients accept headers that are cut off as complete, so that a cut there would not show.
    """
    data, body = response_bytes(response), response.data
    return data[: len(data) - (len(body) + 1) // 2] if body else data[:START_LINE_BYTES]


def send_reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN, which discards what was sent but not yet read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def send_slowly(
    sock: socket.socket, data: bytes, *, pause: float, shutdown: threading.Event
) -> None:
    for octet in data:
        if shutdown.wait(pause):
            return
        sock.sendall(bytes([octet]))
