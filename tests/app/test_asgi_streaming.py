"""Streaming between the web server and Flask: a response ends when its client disconnects."""

import asyncio
from functools import partial

import pytest
from flask import Flask, request, send_file

from app import asgi
from app.flask_threads import REQUEST_STREAM_KEY, FlaskThreads, RequestStream

PART_COUNT = 10_000


class StreamingCaller:
    """Sends one request; disconnects after so many messages of the response, or never."""

    def __init__(self, *, disconnects_after=None):
        self.disconnects_after = disconnects_after
        self.messages, self.disconnected = [], asyncio.Event()

    async def receive(self):
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


class StuckCaller(StreamingCaller):
    """A client that asks for a response and reads nothing of it."""

    def __init__(self):
        super().__init__()
        self.got_message = asyncio.Event()

    async def send(self, message):
        self.messages.append(message)
        self.got_message.set()
        await asyncio.Event().wait()


@pytest.fixture
def counts():
    """How many parts of a long response were produced, and whether it was closed."""
    return {"parts": 0, "closed": False}


@pytest.fixture
def streaming_app(counts, file_path):
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

    @app.get("/file")
    def file():
        return send_file(file_path, conditional=True)

    return app


@pytest.fixture
def file_path(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * 4096 * 3)
    return path


@pytest.fixture
def call_app(streaming_app):
    """Sends a request to the application, which has one thread."""
    return partial(request_path, FlaskThreads(streaming_app, 1))


async def request_path(threads, caller, path, method="GET", headers=(), body=b""):
    stream = RequestStream(caller.receive)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": list(headers),
        REQUEST_STREAM_KEY: stream,
    }
    await threads(scope, stream.replay(body), caller.send)
    stream.stop_watching()
    return caller


def test_a_connected_client_gets_the_whole_response(call_app, counts):
    caller = asyncio.run(call_app(StreamingCaller(), "/long"))
    assert len(caller.body) == counts["parts"] == PART_COUNT
    assert counts["closed"]


def test_a_response_ends_when_the_client_disconnects(call_app, counts):
    async def call_and_disconnect():
        await call_app(StreamingCaller(disconnects_after=3), "/long")

    asyncio.run(call_and_disconnect())
    assert 0 < counts["parts"] < PART_COUNT
    assert counts["closed"]


def test_the_body_of_a_request_is_what_the_event_loop_received(call_app):
    caller = asyncio.run(call_app(StreamingCaller(), "/echo", "POST", body=b"one two"))
    assert caller.body == b"one two"


def test_a_file_is_sent_whole_and_in_ranges(call_app, file_path):
    whole = asyncio.run(call_app(StreamingCaller(), "/file"))
    assert whole.body == file_path.read_bytes()
    assert whole.messages[-1] == {"type": "http.response.body", "body": b""}
    part = asyncio.run(
        call_app(StreamingCaller(), "/file", headers=[(b"range", b"bytes=5-300000")])
    )
    assert part.messages[0]["status"] == 206
    assert part.body == file_path.read_bytes()[5:300001]


def test_clients_that_do_not_read_a_file_occupy_no_thread(call_app):
    """The application has one thread, and three clients take nothing of their response."""

    async def send_requests():
        stuck = [StuckCaller() for _ in range(3)]
        tasks = [asyncio.ensure_future(call_app(caller, "/file")) for caller in stuck]
        tasks.append(asyncio.ensure_future(call_app(StuckCaller(), "/long")))
        for caller in stuck:
            await caller.got_message.wait()
        echo = await call_app(StreamingCaller(), "/echo", "POST", body=b"still here")
        for task in tasks:
            task.cancel()
        return echo

    assert asyncio.run(send_requests()).body == b"still here"


def test_a_client_that_never_reads_is_given_up(streaming_app):
    threads = FlaskThreads(streaming_app, 1, send_timeout=0.05)
    caller = StuckCaller()
    asyncio.run(request_path(threads, caller, "/file"))
    assert len(caller.messages) == 1


@pytest.mark.parametrize(
    ("headers", "decoded"),
    [
        ([(b"a", b"1"), (b"b", b"2")], {"a": "1", "b": "2"}),
        ([(b"a", b"1"), (b"a", b"2")], None),
        ([(b"a", "\u00e4".encode())], None),
        ([(b"a_b", b"1"), (b"c", b"2")], {"c": "2"}),
        ([], {}),
    ],
)
def test_headers_are_decoded_if_they_are_ascii_and_unique(headers, decoded):
    assert asgi.decode_headers(headers) == decoded
