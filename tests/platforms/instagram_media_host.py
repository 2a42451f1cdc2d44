"""Pictures, and a host that serves files as a publisher's media server does, or badly."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def make_jpeg(width=1080, height=1080, *, size=None, is_multi_picture=False):
    """The headers of a JPEG, padded to `size` bytes: no reader of headers looks further."""
    application = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    multi_picture = b"\xff\xe2\x00\x0aMPF\0II*\0" if is_multi_picture else b""
    frame = b"\xff\xc0\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    frame += b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    data = b"\xff\xd8" + application + multi_picture + frame + b"\xff\xda\x00\x0c" + bytes(64)
    padding = bytes(max((size or 0) - len(data) - 2, 0))
    return data + padding + b"\xff\xd9"


def make_png(width=1080, height=1080):
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    return head + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes(64)


class MediaHostHandler(BaseHTTPRequestHandler):
    """Serves `server.files`: path → bytes and Content-Type. The path's first part is a behaviour.

    `/files/…` answers HEAD and Range; `/norange/…` ignores Range; `/nohead/…` refuses HEAD;
    `/short/…` breaks off; `/moved/…` redirects to `/files/…`, `/page/…` to a page; `/slow/…` waits
    until the host stops.
    """

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.server.requests.append(("HEAD", self.path, dict(self.headers)))
        self.answer(is_head=True)

    def do_GET(self):
        self.server.requests.append(("GET", self.path, dict(self.headers)))
        self.answer(is_head=False)

    def answer(self, *, is_head):
        behaviour, _, name = self.path.lstrip("/").partition("/")
        if behaviour == "slow":
            self.server.is_stopping.wait(30)
            self.close_connection = True
            return
        if behaviour in {"moved", "page"}:
            target = f"/files/{name}" if behaviour == "moved" else "/files/page.html"
            self.send_head(302, 0, Location=target)
            return
        data, content_type = self.server.files.get(name, (b"", ""))
        if not content_type or (behaviour == "nohead" and is_head):
            self.send_head(405 if content_type else 404, 0)
            return
        self.send_file(behaviour, data, content_type, is_head=is_head)

    def send_file(self, behaviour, data, content_type, *, is_head):
        requested = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, end, status, extra = 0, len(data), 200, {}
        if requested and behaviour != "norange":
            first, end = int(requested[1]), int(requested[2] or len(data) - 1) + 1
            status, extra = 206, {"Content-Range": f"bytes {first}-{end - 1}/{len(data)}"}
        self.send_head(status, end - first, **{"Content-Type": content_type, **extra})
        if is_head:
            return
        body = data[first:end]
        self.wfile.write(body[: len(body) // 2] if behaviour == "short" else body)
        self.close_connection = behaviour == "short"

    def send_head(self, status, length, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


class MediaHost:
    def __init__(self, server):
        self.url = f"http://127.0.0.1:{server.server_port}"
        self.requests = server.requests
        self._files = server.files

    def add(self, name, data, content_type="image/jpeg", *, behaviour="files"):
        """Serve a file and return its URL."""
        self._files[name] = (data, content_type)
        return f"{self.url}/{behaviour}/{name}"


@contextmanager
def run_media_host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), MediaHostHandler)
    server.files = {"page.html": (b"<html></html>", "text/html")}
    server.requests, server.is_stopping = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield MediaHost(server)
    finally:
        server.is_stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
