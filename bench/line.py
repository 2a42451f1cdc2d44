"""One HTTP/1.1 connection that is kept alive. Lean, so that the measuring costs little itself.

Understands what our servers answer: a head, and a body of a length that the head tells.
"""

import asyncio
import re

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
STATUS = slice(9, 12)  # of "HTTP/1.1 200 OK"
END = b"\r\n\r\n"


class Line(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._heard = bytearray()
        self._answer: asyncio.Future[int] | None = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, message: bytes) -> int:
        """The answer's status. Errors: ConnectionError if the line is cut before it is whole."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._heard.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._answer

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, rest = self._heard.partition(END)
        told = LENGTH.search(head)
        if not end or (told and len(rest) < int(told[1])):
            return
        if CLOSES.search(head):
            self.close()
        if self._answer and not self._answer.done():
            self._answer.set_result(int(head[STATUS]))

    def connection_lost(self, _: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())
