"""What no decent server sends: half answers, resets, drips. Speaks to the bare socket.

After it has spoken, the caller raises `Gone`, and the server sends nothing more.
"""

import os
import socket
import struct
import threading

from werkzeug.wrappers import Response

START_LINE = 7  # bytes of an answer without body that are still no answer


class Gone(ConnectionAbortedError):
    """The connection is given up on purpose."""


def octets(answer: Response) -> bytes:
    head = [f"HTTP/1.1 {answer.status}", *(f"{key}: {value}" for key, value in answer.headers)]
    body: bytes = answer.data
    return "\r\n".join([*head, "Connection: close", "", ""]).encode("latin-1") + body


def half(answer: Response) -> bytes:
    """Cut in the middle of the body; without one, within the first line.

    A head alone may be cut anywhere and still be read as complete: only its end tells.
    """
    whole, body = octets(answer), answer.data
    return whole[: len(whole) - (len(body) + 1) // 2] if body else whole[:START_LINE]


def reset(sock: socket.socket) -> None:
    """Ends with RST instead of FIN; what was sent and not yet read is lost."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(sock.detach())


def drip(sock: socket.socket, data: bytes, *, pause: float, over: threading.Event) -> None:
    for octet in data:
        if over.wait(pause):
            return
        sock.sendall(bytes([octet]))
