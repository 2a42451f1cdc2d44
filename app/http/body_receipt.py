"""Receives request bodies on the event loop, before a thread is taken (decision 0034).

A body has to make progress, may not take too long as a whole, and may not be too large. However
many clients send slowly, each costs a connection and what it has sent so far: beyond a number of
unfinished bodies, or of bytes in them, the oldest of them are ended.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from werkzeug.exceptions import (
    ClientDisconnected,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

KIB, MIB = 1024, 1024 * 1024

MAX_UNFINISHED_BODIES = 4096
MAX_HELD_BYTES = 64 * MIB
MAX_DISCARDED_BYTES = 64 * MIB
DISCARD_TIMEOUT = 30.0  # seconds
CHECK_INTERVAL = 1.0  # seconds between two looks at the deadlines

LENGTH_PATTERN = re.compile(r"\d{1,18}", re.ASCII)
MULTIPART_PREFIX = "multipart/"

SLOW_BODY_MESSAGE = (
    "the body of the request did not arrive in time: send it again, over a faster connection or in"
    " smaller parts"
)
SHORT_BODY_MESSAGE = "the body of the request ended before its announced end"
MULTIPART_MESSAGE = (
    "multipart/form-data is not accepted anywhere: send JSON, and files to /api/media in parts"
)


class BodyRule(NamedTuple):
    """How fast a body has to arrive, step by step and as a whole. Units: seconds."""

    step_bytes: int
    step_timeout: float
    total_timeout: float = float("inf")


SMALL_BODY_RULE = BodyRule(16 * KIB, step_timeout=20.0, total_timeout=120.0)
UPLOAD_RULE = BodyRule(2 * KIB, step_timeout=60.0)
"""An upload may be slow, because it occupies nothing but its connection."""


class BodyReceiver:
    """Receives the bodies of one process, all on one event loop."""

    def __init__(
        self,
        *,
        max_bodies: int = MAX_UNFINISHED_BODIES,
        max_held_bytes: int = MAX_HELD_BYTES,
        check_interval: float = CHECK_INTERVAL,
    ) -> None:
        self._max_bodies, self._max_held_bytes = max_bodies, max_held_bytes
        self._check_interval = check_interval
        self._unfinished: dict[BodyProgress, None] = {}  # the oldest first
        self._held_bytes = 0
        self._next_check: asyncio.TimerHandle | None = None

    async def receive_body(
        self,
        receive: Receive,
        max_bytes: int,
        *,
        rule: BodyRule = SMALL_BODY_RULE,
        length: int | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> bytes:
        """Return a whole body, which counts as held until `release_bytes` is called.

        `length` is what the request announced, if that is known: the last part says only afterwards
        that it was the last, and to ask for that wakes two threads of the server.
        Errors: ClientDisconnected, RequestTimeout, RequestEntityTooLarge; then nothing is held.
        """
        chunks, size, has_more = [], 0, True
        try:
            with BodyProgress(self, rule, loop) as progress:
                while has_more and size != length:
                    message = raise_if_disconnected(await receive())
                    chunk, has_more = message.get("body", b""), message.get("more_body", False)
                    chunks.append(chunk)
                    size += len(chunk)
                    progress.add_bytes(len(chunk))
                    check_body_size(size, max_bytes)
        except BaseException:
            self.release_bytes(size)
            raise
        return b"".join(chunks)

    @property
    def is_crowded(self) -> bool:
        """Whether so much is held that whoever can pass on what has arrived should do so."""
        return 2 * self._held_bytes > self._max_held_bytes

    def add_body(self, body: "BodyProgress") -> None:
        self._unfinished[body] = None
        if len(self._unfinished) > self._max_bodies:
            self._end_oldest_body()
        if self._next_check is None:
            self._next_check = body.loop.call_later(self._check_interval, self._check_deadlines)

    def remove_body(self, body: "BodyProgress") -> None:
        self._unfinished.pop(body, None)

    def hold_bytes(self, size: int) -> None:
        self._held_bytes += size
        if self._held_bytes > self._max_held_bytes:
            self._end_oldest_body()

    def release_bytes(self, size: int) -> None:
        self._held_bytes -= size

    def _end_oldest_body(self) -> None:
        oldest = next(iter(self._unfinished), None)
        if oldest is not None:
            self.remove_body(oldest)
            oldest.end_now()

    def _check_deadlines(self) -> None:
        """End what is too late. One timer for all bodies: most of them arrive at once."""
        self._next_check = None
        for body in list(self._unfinished):
            if body.ends_at <= body.loop.time():
                self.remove_body(body)
                body.end_now()
        remaining = next(iter(self._unfinished), None)
        if remaining is not None:
            self._next_check = remaining.loop.call_later(
                self._check_interval, self._check_deadlines
            )


class BodyProgress:
    """A context in which a body arrives as fast as its rule demands.

    Errors: RequestTimeout, on leaving it.
    """

    def __init__(
        self, receiver: BodyReceiver, rule: BodyRule, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        """`loop` is the running one, if it is known: asking for it is a system call."""
        self.loop = loop or asyncio.get_running_loop()
        self._receiver, self._rule = receiver, rule
        self._task = asyncio.current_task(self.loop)
        now = self.loop.time()
        self._last_end = now + rule.total_timeout
        self.ends_at = min(now + rule.step_timeout, self._last_end)
        self._step_size = 0
        self._is_over = False

    def __enter__(self) -> Self:
        self._receiver.add_body(self)
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_error: object) -> None:
        """Turn our own cancellation of the task into the error, as `asyncio.timeout` does."""
        self._receiver.remove_body(self)
        is_cancelled = error_type is not None and issubclass(error_type, asyncio.CancelledError)
        if self._is_over and self._task and self._task.uncancel() <= 0 and is_cancelled:
            raise RequestTimeout(SLOW_BODY_MESSAGE) from None

    def add_bytes(self, size: int) -> None:
        """Note that so many bytes have arrived: they are held, and may win time."""
        self._receiver.hold_bytes(size)
        self._step_size += size
        if self._step_size >= self._rule.step_bytes:
            self._step_size = 0
            self.ends_at = min(self.loop.time() + self._rule.step_timeout, self._last_end)

    def end_now(self) -> None:
        if self._task is not None and not self._is_over:
            self._is_over = True
            self._task.cancel()


def raise_if_disconnected(message: Message) -> Message:
    """Return the message. Errors: ClientDisconnected."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnected(SHORT_BODY_MESSAGE)
    return message


def check_body_size(size: int, max_bytes: int) -> None:
    """Errors: RequestEntityTooLarge."""
    if size > max_bytes:
        raise body_too_large(max_bytes)


def body_too_large(max_bytes: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"the body of this request may have at most {max_bytes} bytes")


def check_head(headers: Mapping[bytes, bytes], max_bytes: int, *, is_delivery: bool) -> None:
    """Refuse a request by its head, before its body is read. Names are in lower case.

    Errors: RequestEntityTooLarge; UnsupportedMediaType, except for a delivery, which is judged by
    its signature.
    """
    length = headers.get(b"content-length", b"0").decode("latin-1")
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    if not is_delivery and content_type.strip().lower().startswith(MULTIPART_PREFIX):
        raise UnsupportedMediaType(MULTIPART_MESSAGE)
    if not LENGTH_PATTERN.fullmatch(length) or int(length) > max_bytes:
        raise body_too_large(max_bytes)


@dataclass
class CollectedResponse:
    """A response of Flask that is looked at before the client gets it, if it ever does."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start, self.status = message, message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message.get("body", b"")

    async def send_whole(self, send: Send) -> None:
        """Send the body as one message.

        With several, the server takes the end of the response for a disconnect of the client, and
        stops reading the request (Granian 2.8.7).
        """
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})

    async def refuse_rest(self, receive: Receive, send: Send) -> None:
        """Send this response before the body of the request has ended, and drop the rest of it."""
        await self.send_whole(send)
        await discard_body(receive)


async def discard_body(receive: Receive) -> None:
    """Read and drop what a client goes on sending after its refusal, up to a bound.

    A connection that is closed while the client sends is broken for many clients, which then do
    not show the words of the response.
    """
    size, has_more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_TIMEOUT):
            while has_more and size < MAX_DISCARDED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                has_more = message["type"] == "http.request" and message.get("more_body", False)


def replay_body(body: bytes) -> Receive:
    """Return a `receive` that yields a body that has been read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
