"""`python -m bench.sink DELAYS`: a minimal imitation of TikTok's API that uses little CPU.

Takes the place of the sandbox, which would cost more than what is measured. One asyncio thread.
Its first line of output is its URL; GET /summary returns the counted calls. DELAYS is JSON:
seconds by kind of call.
"""

import asyncio
import json
import sys
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

from bench.sink.endpoints import ROUTES, Sink, SinkRequest

BUFFER_BYTES = 1 << 20  # bytes taken from a socket at a time
HEAD_END = b"\r\n\r\n"


class SinkConnection(asyncio.BufferedProtocol):
    """One kept connection with one request at a time. Bytes of videos are counted and discarded."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._buffer = sink, bytearray(BUFFER_BYTES)
        self._head, self._request, self._remaining = b"", SinkRequest("", "", "", {}), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio's signature
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._remaining:
            self._receive_body(memoryview(self._buffer)[:nbytes])
            return
        self._head += self._buffer[:nbytes]
        head, end, body_start = self._head.partition(HEAD_END)
        if end:
            self._head, self._request = b"", parse_request(head)
            self._remaining = self._request.length
            self._receive_body(memoryview(body_start))

    def _receive_body(self, data: memoryview) -> None:
        self._remaining -= len(data)
        if self._request.method == "POST":
            self._request.body += data
        if self._remaining <= 0:
            self._respond(self._request)

    def _respond(self, request: SinkRequest) -> None:
        if request.path not in ROUTES:
            self._write(200, {}, self._sink.summary())
            return
        kind, handler = ROUTES[request.path]
        tally = self._sink.tally(kind)
        subject_id, response = handler(self._sink, request)
        tally.record_start(subject_id)

        def write() -> None:
            self._write(*response)
            tally.record_end()

        delay = self._sink.delays.get(kind, 0.0)
        if delay:
            asyncio.get_running_loop().call_later(delay, write)
        else:
            write()

    def _write(self, status: int, headers: dict[str, str], payload: Any) -> None:
        body = b"" if payload is None else json.dumps(payload).encode()
        lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode() + body)


def parse_request(head: bytes) -> SinkRequest:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    fields = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    parts = urlsplit(target)
    length = int(headers.get("content-length", 0))
    return SinkRequest(method, parts.path, parts.query, headers, length=length)


async def run_server(sink: Sink) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: SinkConnection(sink), "127.0.0.1", 0, backlog=512
    )
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(sink.url, flush=True)  # the parent process reads it
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_server(Sink(json.loads(sys.argv[1]))))
