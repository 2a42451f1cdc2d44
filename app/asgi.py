"""ASGI's messages read and written, for `ingress.py`. Must not know what is asked for."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from flask import Flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import FileWrapper

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PIECE = 256 * 1024  # bytes
PROXIED = "x-forwarded-proto"


def heading(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """By their lower-case names. None if one is no ASCII, or there twice."""
    found: dict[str, str] = {}
    for name, value in headers:
        if not value.isascii() or (known := name.decode("ascii")) in found:
            return None
        found[known] = value.decode("ascii")
    return found


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def is_sealed(scope: Scope, head: Mapping[str, str], proxies: int) -> bool:
    """Whether it came by TLS, as the outermost of so many proxies that we trust says it."""
    said = [word.strip() for word in head.get(PROXIED, "").split(",")]
    by_proxy = proxies and len(said) >= proxies
    return (said[-proxies] if by_proxy else scope["scheme"]) == "https"


def unbroken(receive: Receive) -> Receive:
    """Whoever hangs up in the middle of a body has not ended it. Errors: ClientDisconnected."""

    async def checked() -> Message:
        part = await receive()
        if part["type"] == "http.disconnect":
            raise ClientDisconnected
        return part

    return checked


async def whole(receive: Receive) -> bytes:
    """The body. Errors: ClientDisconnected."""
    hear, parts, more = unbroken(receive), [], True
    while more:
        part = await hear()
        parts.append(part.get("body", b""))
        more = part.get("more_body", False)
    return b"".join(parts)


def again(body: bytes) -> Receive:
    """What was heard, for somebody else to hear."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bridged(app: Flask) -> Any:
    """The WSGI application with what a server tells one of itself: a body ends where it says so,
    also without a length; and files go out in pieces that are worth a turn of the loop.
    """
    told = {
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": lambda file, _size=0: FileWrapper(file, PIECE),
    }
    return lambda environ, start: app(environ | told, start)
