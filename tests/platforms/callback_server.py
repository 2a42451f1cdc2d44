"""A server in the app's place, for the handshake, deliveries and callbacks of Meta."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from urllib.parse import parse_qs, urlsplit

from tests.platforms.raw_instagram_client import VERIFY_TOKEN


class CallbackHandler(BaseHTTPRequestHandler):
    """Answers handshakes with the challenge, and calls with what the test has put in place."""

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        is_match = query.get("hub.verify_token") == [VERIFY_TOKEN]
        self.answer(200 if is_match else 403, query["hub.challenge"][0])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.put((dict(self.headers), body))
        status, text = self.server.answers.pop(0) if self.server.answers else (200, "")
        self.answer(status, text)

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@contextmanager
def run_callback_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), CallbackHandler)
    server.received, server.answers = Queue(), []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
