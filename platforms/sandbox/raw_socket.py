"""What no decent server sends: half answers, resets, drips. Speaks to the bare socket.

After it has spoken, the caller raises `Gone`, and the server sends nothing more.
"""

import os
import socket
import struct
import threading

from werkzeug.wrappers import Response

START_LINE_BYTES = 7  # bytes of an answer without body that are still no answer


class ConnectionDropped(ConnectionAbortedError):
    """The connection is given up on purpose."""


def response_bytes(response: Response) -> bytes:
    head = [f"HTTP/1.1 {response.status}", *(f"{key}: {value}" for key, value in response.headers)]
    body: bytes = response.data
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1") + body


def half_response(response: Response) -> bytes:
    """Cut in the middle of the body; without one, within the first line.

    A head alone may be cut anywhere and still be read as complete: only its end tells.
    """
    data, body = response_bytes(response), response.data
    return data[: len(data) - (len(body) + 1) // 2] if body else data[:START_LINE_BYTES]


def send_reset(sock: socket.socket) -> None:
    """Ends with RST instead of FIN; what was sent and not yet read is lost."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def send_slowly(
    sock: socket.socket, data: bytes, *, pause: float, shutdown: threading.Event
) -> None:
    for octet in data:
        if shutdown.wait(pause):
            return
        sock.sendall(bytes([octet]))
