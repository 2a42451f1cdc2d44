"""A real HTTP server that takes notices, and can refuse them or not answer at all."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ReceivedNotice:
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def alert(self):
        return self.json["alert"]["name"]

    @property
    def kind(self):
        return self.json["kind"]


@dataclass
class NoticeReceiver:
    """`status` is what is answered; while `answers` is unset, nothing is."""

    status: int = 200
    received: list = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def list_kinds(self, name):
        """Kinds of the notices about one alert, in the order in which they arrived."""
        return [
            each.kind for each in list(self.received) if each.path == "/" and each.alert == name
        ]

    def wait_for_kind(self, name, kind, *, seconds=60):
        self.wait(lambda: kind in self.list_kinds(name), f"the notice {kind} of {name}", seconds)
        return next(
            each
            for each in self.received
            if each.path == "/" and each.alert == name and each.kind == kind
        )

    def wait_for_path(self, path, *, seconds=60):
        self.wait(lambda: path in [each.path for each in self.received], path, seconds)

    def wait(self, condition, what, seconds):
        end = time.monotonic() + seconds
        while not condition():
            arrived = [(each.path, each.body[:120]) for each in self.received]
            assert time.monotonic() < end, f"{what} did not arrive in {seconds} s, but {arrived}"
            time.sleep(0.02)


@contextmanager
def run_notice_receiver():
    receiver = NoticeReceiver()
    receiver.answers.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.received.append(ReceivedNotice(self.path, dict(self.headers), body))
            status = receiver.status
            receiver.answers.wait()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        receiver.answers.set()
        server.shutdown()
        server.server_close()
