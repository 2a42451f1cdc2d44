"""One HTTP/1.1 connection that is kept alive. Lean, so that the measuring costs little itself.

Understands what our servers answer: a head, and a body of a length that the head tells.
"""

import re
import socket

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
STATUS = slice(9, 12)  # of "HTTP/1.1 200 OK"
END = b"\r\n\r\n"
PIECE = 65536
PATIENCE = 30.0  # seconds; a letter fits into the kernel's buffers, so nothing here ever waits


class Line:
    """One request at a time. Blocks, and is read only when there is something to read."""

    def __init__(self, at: tuple[str, int]) -> None:
        self._socket = socket.create_connection(at, timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard = b""
        self.open = True

    def fileno(self) -> int:
        return self._socket.fileno()

    def ask(self, message: bytes) -> None:
        """Errors: ConnectionError if the other side has gone."""
        self._heard = b""
        self._socket.sendall(message)

    def hear(self) -> int | None:
        """The answer's status, once it is whole. Errors: ConnectionError if it is cut before."""
        data = self._socket.recv(PIECE)
        if not data:
            raise ConnectionResetError
        self._heard += data
        head, end, rest = self._heard.partition(END)
        told = LENGTH.search(head)
        if not end or (told and len(rest) < int(told[1])):
            return None
        self.open = not CLOSES.search(head)
        return int(head[STATUS])

    def close(self) -> None:
        self.open = False
        self._socket.close()
