"""Between the server and Flask: who leaves is missed, who stays is answered to the end."""

import asyncio
from contextlib import suppress

import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected

from app import asgi

PIECES = 10_000


class Caller:
    """Asks once; hangs up after so many parts of the answer, or never."""

    def __init__(self, *parts, leaves_after=None):
        self.parts, self.leaves_after = list(parts), leaves_after
        self.told, self.left = [], asyncio.Event()

    async def receive(self):
        if self.parts:
            return self.parts.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.told.append(message)
        if self.leaves_after is not None and len(self.told) > self.leaves_after:
            self.left.set()
        await asyncio.sleep(0)  # as the network lets others go first

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.told)


def part(body=b"", *, more=False):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture
def made():
    """How far an endless answer came, and whether it was closed."""
    return {"pieces": 0, "closed": False}


@pytest.fixture
def application(made):
    app = Flask(__name__)

    @app.get("/long")
    def answer():
        def pieces():
            try:
                for _ in range(PIECES):
                    made["pieces"] += 1
                    yield b"x"
            finally:
                made["closed"] = True

        return pieces()

    @app.post("/echo")
    def echo():
        return request.get_data()

    return app


@pytest.fixture
def ask(application):
    threads = WSGIMiddleware(asgi.bridged(application), workers=1)

    async def asked(caller, path, method="GET", headers=()):
        known = asgi.Caller(caller.receive)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": list(headers),
            asgi.CALLER: known,
        }
        await known.began()
        with suppress(ClientDisconnected):
            await threads(scope, known.hear, caller.send)
        known.leave()
        return caller

    return asked


def test_who_stays_hears_all_of_it(ask, made):
    caller = asyncio.run(ask(Caller(part()), "/long"))
    assert len(caller.body) == made["pieces"] == PIECES
    assert made["closed"]


def test_what_nobody_hears_any_more_is_not_made(ask, made):
    async def leave():
        await ask(Caller(part(), leaves_after=3), "/long")

    asyncio.run(leave())
    assert 0 < made["pieces"] < PIECES
    assert made["closed"]


def test_a_body_in_parts_without_a_length_is_heard_to_its_end(ask):
    async def told():
        parts = part(b"one ", more=True), part(b"two ", more=True), part(b"three")
        return await ask(Caller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")])

    assert asyncio.run(told()).body == b"one two three"


def test_a_body_that_breaks_off_is_refused(ask):
    async def told():
        parts = part(b"one ", more=True), {"type": "http.disconnect"}
        return await ask(Caller(*parts), "/echo", "POST", [(b"transfer-encoding", b"chunked")])

    assert asyncio.run(told()).told[0]["status"] == 400


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
    assert asgi.heading(headers) == read
