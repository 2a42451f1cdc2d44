"""ASGI's messages read and written, for `ingress.py`. Must not know what is asked for."""

from asyncio import Task, create_task
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any

from flask import Flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import ClosingIterator, FileWrapper

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CALLER = "signalpost.caller"
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
    told = [word.strip() for word in head.get(PROXIED, "").split(",")]
    by_proxy = proxies and len(told) >= proxies
    return (told[-proxies] if by_proxy else scope["scheme"]) == "https"


class Caller:
    """Who asked: heard part by part, and watched from the end of what they say on.

    Servers go on taking an answer that nobody hears any more; whoever makes it has to look.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._first: Message | None = None
        self._watch: Task[None] | None = None
        self.is_gone = False

    async def began(self) -> None:
        """Their first words, which most have: until they come, nobody else needs to wait."""
        self._first = await self._next()

    async def hear(self) -> Message:
        """Whoever hangs up in the middle has not ended. Errors: ClientDisconnected."""
        part, self._first = self._first or await self._next(), None
        return said(part)

    def leave(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    async def _next(self) -> Message:
        part = await self._receive()
        if part["type"] == "http.request" and not part.get("more_body", False):
            self._watch = create_task(self._wait())
        return part

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True


def said(part: Message) -> Message:
    """Errors: ClientDisconnected."""
    if part["type"] == "http.disconnect":
        raise ClientDisconnected
    return part


async def whole(receive: Receive) -> bytes:
    """The body. Errors: ClientDisconnected."""
    parts, more = [], True
    while more:
        part = said(await receive())
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

    def answered(environ: dict[str, Any], start: Any) -> Any:
        parts = app(environ | told, start)
        caller: Caller | None = environ["asgi.scope"].get(CALLER)
        if caller is None:
            return parts
        heard = takewhile(lambda _: not caller.is_gone, parts)
        return ClosingIterator(heard, getattr(parts, "close", None))

    return answered
