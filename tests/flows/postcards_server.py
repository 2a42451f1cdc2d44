"""The fictional platform's server: consent, tokens, cards. Shares no code with its adapter."""

import json
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit


class PostcardHandler(BaseHTTPRequestHandler):
    """`server.cards`: id → text and how often it was posted. `server.loses`: answers to lose."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/authorize":
            request = dict(parse_qsl(query))
            answer = urlencode({"code": "c1", "state": request["state"]})
            self.send_response(302)
            self.send_header("Location", f"{request['redirect_uri']}?{answer}")
            self.end_headers()
        elif path == "/me":
            self.answer({"id": "p1", "name": "Postmaster"})
        else:
            self.answer(self.describe(path.split("/")[2]))

    def do_POST(self):
        fields = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()))
        path = urlsplit(self.path).path
        with self.server.lock:
            self.server.calls.append(path)
            has_effect = self.server.loses.pop(path.split("/")[-1], None)
            answer = {} if has_effect is False else self.act(path, fields)
        if has_effect is None:
            self.answer(answer)

    def act(self, path, fields):
        cards = self.server.cards
        if path == "/cards":
            card_id = uuid.uuid4().hex
            cards[card_id] = {"text": fields["text"], "posted": 0}
            return {"id": card_id}
        if path.endswith("/post"):
            card_id = path.split("/")[2]
            cards[card_id]["posted"] += 1
            return self.describe(card_id)
        return {"token": "t1", "id": "p1"}

    def describe(self, card_id):
        is_posted = self.server.cards[card_id]["posted"]
        url = f"https://postcards.example/{card_id}"
        return {"posted": card_id, "url": url} if is_posted else {"posted": None}

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def run_postcard_server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), PostcardHandler)
    server.cards, server.calls, server.loses = {}, [], {}
    server.lock = threading.Lock()
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
