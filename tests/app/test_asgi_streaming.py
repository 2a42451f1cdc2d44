"""Between the server and Flask: who leaves is missed, who stays is answered to the end."""

import asyncio
from contextlib import suppress

import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected

from app import asgi

PART_COUNT = 10_000


class StreamingCaller:
    """Asks once; hangs up after so many parts of the answer, or never."""

    def __init__(self, *parts, leaves_after=None):
        self.parts, self.leaves_after = list(parts), leaves_after
        self.messages, self.left = [], asyncio.Event()

    async def receive(self):
        if self.parts:
            return self.parts.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.messages.append(message)
        if self.leaves_after is not None and len(self.messages) > self.leaves_after:
            self.left.set()
        await asyncio.sleep(0)  # as the network lets others go first

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages)


def body_part(body=b"", *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture
def produced():
    """How far an endless answer came, and whether it was closed."""
    return {"pieces": 0, "closed": False}


@pytest.fixture
def streaming_app(produced):
    app = Flask(__name__)

    @app.get("/long")
    def response():
        def pieces():
            try:
                for _ in range(PART_COUNT):
                    produced["pieces"] += 1
                    yield b"x"
            finally:
                produced["closed"] = True

        return pieces()

    @app.post("/echo")
    def echo():
        return request.get_data()

    return app


@pytest.fixture
def call_app(streaming_app):
    threads = WSGIMiddleware(asgi.adapt_wsgi_app(streaming_app), workers=1)

    async def asked(caller, path, method="GET", headers=()):
        asgi_caller = asgi.RequestStream(caller.receive)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": list(headers),
            asgi.REQUEST_STREAM_KEY: asgi_caller,
        }
        await asgi_caller.receive_first()
        with suppress(ClientDisconnected):
            await threads(scope, asgi_caller.receive, caller.send)
        asgi_caller.stop_watching()
        return caller

    return asked


def test_a_connected_client_gets_the_whole_response(call_app, produced):
    caller = asyncio.run(call_app(StreamingCaller(body_part()), "/long"))
    assert len(caller.body) == produced["pieces"] == PART_COUNT
    assert produced["closed"]


def test_a_response_without_a_listener_is_not_generated(call_app, produced):
    async def leave():
        await call_app(StreamingCaller(body_part(), leaves_after=3), "/long")

    asyncio.run(leave())
    assert 0 < produced["pieces"] < PART_COUNT
    assert produced["closed"]


def test_a_body_in_parts_without_a_length_is_read_to_its_end(call_app):
    async def told():
        parts = body_part(b"one ", more=True), body_part(b"two ", more=True), body_part(b"three")
        return await call_app(
            StreamingCaller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")]
        )

    assert asyncio.run(told()).body == b"one two three"


def test_a_body_that_breaks_off_is_refused(call_app):
    async def told():
        parts = body_part(b"one ", more=True), {"type": "http.disconnect"}
        return await call_app(
            StreamingCaller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")]
        )

    assert asyncio.run(told()).messages[0]["status"] == 400


@pytest.mark.parametrize(
    ("headers", "read"),
    [
        ([(b"a", b"1"), (b"b", b"2")], {"a": "1", "b": "2"}),
        ([(b"a", b"1"), (b"a", b"2")], None),
        ([(b"a", "\u00e4".encode())], None),
        ([], {}),
    ],
)
def test_a_heading_is_read_if_it_is_plain(headers, read):
    assert asgi.decode_headers(headers) == read
