"""One request, byte by byte as it is written: what no well-meaning client would send."""

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

PATIENCE = 10.0  # seconds; a server that waits for bytes which never come is one that hangs


@dataclass(frozen=True)
class Reply:
    """`status` 0: hung up without a word."""

    status: int
    body: bytes

    @property
    def said(self):
        """The code of an error, or what a duplicate is told by; None where there is neither."""
        try:
            told = json.loads(self.body)
        except ValueError:
            return None
        return told.get("error", {}).get("code") or ("duplicate" if "duplicate" in told else None)


def ask(url, message, *, hang_up=False):
    """`hang_up` ends our half of the connection, in the middle of what was announced."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as line:
        line.sendall(message)
        if hang_up:
            line.shutdown(socket.SHUT_WR)
        return reply(line)


def reply(line):
    heard = line.makefile("rb")
    try:
        status = heard.readline().split(b" ")
        while status[1:2] == [b"100"]:  # go on
            heard.readline()
            status = heard.readline().split(b" ")
        head = dict(part(each) for each in iter(heard.readline, b"\r\n") if each)
        body = heard.read(int(head.get(b"content-length", 0))) if head else b""
    except ConnectionResetError:
        return Reply(0, b"")
    return Reply(int(status[1]) if len(status) > 1 else 0, body)


def part(line):
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def request(path, headers, body, *, method="POST", version="1.1", length=True):
    told = {"Host": "127.0.0.1", "Connection": "close", **headers}
    if length:
        told = {"Content-Length": str(len(body)), **told}
    lines = [f"{method} {path} HTTP/{version}", *(f"{name}: {told[name]}" for name in told)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(body, size=100):
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"
