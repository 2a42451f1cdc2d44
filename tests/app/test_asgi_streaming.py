"""Streaming between the web server and Flask: a response ends when its client disconnects."""

import asyncio
from contextlib import suppress

import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected

from app import asgi

PART_COUNT = 10_000


class StreamingCaller:
    """Sends one request; disconnects after so many messages of the response, or never."""

    def __init__(self, *parts, disconnects_after=None):
        self.parts, self.disconnects_after = list(parts), disconnects_after
        self.messages, self.disconnected = [], asyncio.Event()

    async def receive(self):
        if self.parts:
            return self.parts.pop(0)
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.messages.append(message)
        if self.disconnects_after is not None and len(self.messages) > self.disconnects_after:
            self.disconnected.set()
        await asyncio.sleep(0)  # the network yields to other tasks too

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages)


def body_part(body=b"", *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture
def counts():
    """How many parts of a long response were produced, and whether it was closed."""
    return {"parts": 0, "closed": False}


@pytest.fixture
def streaming_app(counts):
    app = Flask(__name__)

    @app.get("/long")
    def long_response():
        def parts():
            try:
                for _ in range(PART_COUNT):
                    counts["parts"] += 1
                    yield b"x"
            finally:
                counts["closed"] = True

        return parts()

    @app.post("/echo")
    def echo():
        return request.get_data()

    return app


@pytest.fixture
def call_app(streaming_app):
    threads = WSGIMiddleware(asgi.adapt_wsgi_app(streaming_app), workers=1)

    async def call(caller, path, method="GET", headers=()):
        stream = asgi.RequestStream(caller.receive)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": list(headers),
            asgi.REQUEST_STREAM_KEY: stream,
        }
        await stream.receive_first()
        with suppress(ClientDisconnected):
            await threads(scope, stream.receive, caller.send)
        stream.stop_watching()
        return caller

    return call


def test_a_connected_client_gets_the_whole_response(call_app, counts):
    caller = asyncio.run(call_app(StreamingCaller(body_part()), "/long"))
    assert len(caller.body) == counts["parts"] == PART_COUNT
    assert counts["closed"]


def test_a_response_ends_when_the_client_disconnects(call_app, counts):
    async def call_and_disconnect():
        await call_app(StreamingCaller(body_part(), disconnects_after=3), "/long")

    asyncio.run(call_and_disconnect())
    assert 0 < counts["parts"] < PART_COUNT
    assert counts["closed"]


def test_a_body_in_parts_without_a_length_is_read_to_its_end(call_app):
    async def send_parts():
        parts = body_part(b"one ", more=True), body_part(b"two ", more=True), body_part(b"three")
        return await call_app(
            StreamingCaller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")]
        )

    assert asyncio.run(send_parts()).body == b"one two three"


def test_a_disconnect_within_the_body_is_refused(call_app):
    async def send_parts():
        parts = body_part(b"one ", more=True), {"type": "http.disconnect"}
        return await call_app(
            StreamingCaller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")]
        )

    assert asyncio.run(send_parts()).messages[0]["status"] == 400


@pytest.mark.parametrize(
    ("headers", "decoded"),
    [
        ([(b"a", b"1"), (b"b", b"2")], {"a": "1", "b": "2"}),
        ([(b"a", b"1"), (b"a", b"2")], None),
        ([(b"a", "\u00e4".encode())], None),
        ([], {}),
    ],
)
def test_headers_are_decoded_if_they_are_ascii_and_unique(headers, decoded):
    assert asgi.decode_headers(headers) == decoded
