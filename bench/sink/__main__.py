"""`python -m bench.sink DELAYS`: a platform that costs hardly anything, in a process of its own.

Stands where the sandbox would cost more than what is measured. One thread; its first line is its
address, GET /told is the tally.
"""

import asyncio
import json
import sys
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from bench.sink.answers import KINDS, Request, Sink

ROOM = 1 << 20  # bytes taken from a socket at a time
END = b"\r\n\r\n"


class Line(asyncio.BufferedProtocol):
    """One kept connection, one request at a time. Bytes of films are counted and thrown away."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._room = sink, bytearray(ROOM)
        self._head, self._request, self._left = b"", Request("", "", "", {}), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        if self._left:
            self._body(memoryview(self._room)[:nbytes])
            return
        self._head += self._room[:nbytes]
        head, end, rest = self._head.partition(END)
        if end:
            self._head, self._request = b"", parsed(head)
            self._left = self._request.length
            self._body(memoryview(rest))

    def _body(self, data: memoryview) -> None:
        self._left -= len(data)
        if self._request.method == "POST":
            self._request.body += data
        if self._left <= 0:
            self._answer(self._request)

    def _answer(self, request: Request) -> None:
        if request.path not in KINDS:
            self._write(200, {}, self._sink.told())
            return
        kind, answered = KINDS[request.path]
        tally = self._sink.tally(kind)
        name, answer = answered(self._sink, request)
        tally.began(name)

        def write() -> None:
            self._write(*answer)
            tally.ended()

        delay = self._sink.delays.get(kind, 0.0)
        asyncio.get_running_loop().call_later(delay, write) if delay else write()

    def _write(self, status: int, headers: dict[str, str], told: Any) -> None:
        body = b"" if told is None else json.dumps(told).encode()
        lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode() + body)


def parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    parts = urlsplit(target)
    length = int(headers.get("content-length", 0))
    return Request(method, parts.path, parts.query, headers, length=length)


async def serve(sink: Sink) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Line(sink), "127.0.0.1", 0, backlog=512
    )
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(sink.url, flush=True)  # whoever started us waits for it
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Sink(json.loads(sys.argv[1]))))
