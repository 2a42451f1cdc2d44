"""Sends one HTTP request as raw bytes, to test requests that no HTTP client would send."""

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

SOCKET_TIMEOUT = 10.0  # seconds; a server that waits longer for missing bytes counts as hanging


@dataclass(frozen=True)
class RawReply:
    """A response; `status` 0 means that the server closed the connection without one."""

    status: int
    body: bytes

    @property
    def code(self):
        """The error code, "duplicate" for an acknowledged duplicate, or None."""
        try:
            payload = json.loads(self.body)
        except ValueError:
            return None
        return payload.get("error", {}).get("code") or (
            "duplicate" if "duplicate" in payload else None
        )


def send_raw(url, message, *, hang_up=False):
    """Send bytes and return the reply. `hang_up` closes our half before all announced bytes."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), SOCKET_TIMEOUT) as connection:
        connection.sendall(message)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return read_reply(connection)


def read_reply(connection):
    stream = connection.makefile("rb")
    try:
        status = stream.readline().split(b" ")
        while status[1:2] == [b"100"]:  # 100 Continue
            stream.readline()
            status = stream.readline().split(b" ")
        headers = dict(
            parse_header(header_line)
            for header_line in iter(stream.readline, b"\r\n")
            if header_line
        )
        body = stream.read(int(headers.get(b"content-length", 0))) if headers else b""
    except ConnectionResetError:
        return RawReply(0, b"")
    return RawReply(int(status[1]) if len(status) > 1 else 0, body)


def parse_header(line):
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def format_request(path, headers, body, *, method="POST", version="1.1", length=True):
    all_headers = {"Host": "127.0.0.1", "Connection": "close", **headers}
    if length:
        all_headers = {"Content-Length": str(len(body)), **all_headers}
    lines = [
        f"{method} {path} HTTP/{version}",
        *(f"{name}: {all_headers[name]}" for name in all_headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def encode_chunked(body, size=100):
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
