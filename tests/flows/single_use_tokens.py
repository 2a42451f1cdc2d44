"""A token endpoint that rotates refresh tokens and accepts each of them once.

Refresh tokens are `rft.<open id>.<number>`; a token that is not the newest of its creator is
refused and counted.
"""

import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

ACCESS_SECONDS, REFRESH_SECONDS = 86_400, 31_536_000


class SingleUseTokenServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), TokenRefreshRequest)
        self.generations, self.refused, self.lock = Counter(), [], threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def refreshes(self):
        return sum(self.generations.values())

    def rotate(self, token):
        """Return the number of the next token, or None if this one was spent."""
        _, open_id, number = token.split(".")
        with self.lock:
            if int(number) != self.generations[open_id]:
                self.refused.append(token)
                return open_id, None
            self.generations[open_id] += 1
            return open_id, self.generations[open_id]


class TokenRefreshRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        open_id, number = self.server.rotate(form["refresh_token"][0])
        if number is None:
            self.answer({"error": "invalid_grant", "error_description": "spent"})
            return
        self.answer(
            {
                "access_token": f"act.{open_id}.{number}",
                "expires_in": ACCESS_SECONDS,
                "open_id": open_id,
                "refresh_token": f"rft.{open_id}.{number}",
                "refresh_expires_in": REFRESH_SECONDS,
                "scope": "user.info.basic,video.upload",
                "token_type": "Bearer",
            }
        )

    def answer(self, fields):
        body = json.dumps(fields).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing for each request."""


@contextmanager
def run_token_server():
    server = SingleUseTokenServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
