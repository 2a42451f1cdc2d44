"""ASGI's messages read and written, for `ingress.py`. Must not know what is asked for."""

import gc
import time
from asyncio import Task, create_task
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from a2wsgi import WSGIMiddleware
from flask import Flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import ClosingIterator, FileWrapper

from app import create_app
from app.api.webhooks import RESPONSE_BODIES, WEBHOOK_ROUTE
from app.http import request_log, security
from app.http.context import CONTAINER_KEY, Container
from app.webhook_app import STORED_STATUS, WEBHOOKS_PREFIX
from core import webhooks
from core.observability import metrics
from core.observability.telemetry import bind_correlation_id
from db.base import PROVIDERS

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REQUEST_STREAM_KEY = "signalpost.request_stream"
FILE_CHUNK_BYTES = 256 * 1024  # bytes
FORWARDED_PROTO_HEADER = "x-forwarded-proto"


def decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """By their lower-case names. None if one is no ASCII, or there twice."""
    decoded: dict[str, str] = {}
    for name, value in headers:
        if not value.isascii() or (key := name.decode("ascii")) in decoded:
            return None
        decoded[key] = value.decode("ascii")
    return decoded


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def is_https(scope: Scope, headers: Mapping[str, str], proxy_count: int) -> bool:
    """Whether it came by TLS, as the outermost of so many proxies that we trust says it."""
    forwarded_protos = [
        proto.strip() for proto in headers.get(FORWARDED_PROTO_HEADER, "").split(",")
    ]
    is_forwarded = proxy_count and len(forwarded_protos) >= proxy_count
    return (forwarded_protos[-proxy_count] if is_forwarded else scope["scheme"]) == "https"


class RequestStream:
    """Who asked: heard part by part, and watched from the end of what they say on.

    Servers go on taking an answer that nobody hears any more; whoever makes it has to look.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._first_message: Message | None = None
        self._disconnect_watcher: Task[None] | None = None
        self.is_disconnected = False

    async def receive_first(self) -> None:
        """Their first words, which most have: until they come, nobody else needs to wait."""
        self._first_message = await self._receive_message()

    async def receive(self) -> Message:
        """Whoever hangs up in the middle has not ended. Errors: ClientDisconnected."""
        message, self._first_message = self._first_message or await self._receive_message(), None
        return raise_if_disconnected(message)

    def stop_watching(self) -> None:
        if self._disconnect_watcher is not None:
            self._disconnect_watcher.cancel()

    async def _receive_message(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._disconnect_watcher = create_task(self._watch_disconnect())
        return message

    async def _watch_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_disconnected = True


def raise_if_disconnected(message: Message) -> Message:
    """Errors: ClientDisconnected."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    return message


async def read_body(receive: Receive) -> bytes:
    """The body. Errors: ClientDisconnected."""
    chunks, has_more = [], True
    while has_more:
        message = raise_if_disconnected(await receive())
        chunks.append(message.get("body", b""))
        has_more = message.get("more_body", False)
    return b"".join(chunks)


def replay_body(body: bytes) -> Receive:
    """What was heard, for somebody else to hear."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def send_response(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def adapt_wsgi_app(app: Flask) -> Any:
    """The WSGI application with what a server tells one of itself: a body ends where it says so,
    also without a length; and files go out in pieces that are worth a turn of the loop.
    """
    extra_environ = {
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": lambda file, _size=0: FileWrapper(file, FILE_CHUNK_BYTES),
    }

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
        parts = app(environ | extra_environ, start_response)
        stream: RequestStream | None = environ["asgi.scope"].get(REQUEST_STREAM_KEY)
        if stream is None:
            return parts
        connected_parts = takewhile(lambda _: not stream.is_disconnected, parts)
        return ClosingIterator(connected_parts, getattr(parts, "close", None))

    return wsgi_app


# MERGED app.ingress: What the web server runs. Ordinary letters are stored here, on the event loop itself.
#
# A letter that waits for its commit is a task here and not a thread. Everything else is Flask's: all
# other routes, letters of an unusual form, and each answer that is not 200.

FLASK_THREADS = 32  # of Flask
MAX_FAST_PATH_BYTES = 64 * 1024  # bytes: reading a longer letter would hold up all others
FLASK_ONLY_HEADERS = ("transfer-encoding", "expect")


class DeliveryHead(NamedTuple):
    """What is known of a delivery before its body."""

    provider: str
    headers: dict[str, str]


def create_asgi_app() -> "AsgiApp":
    """For the server. Errors: Misconfigured."""
    asgi_app = AsgiApp(create_app())
    gc.freeze()  # half a million objects of imports: to walk them holds up every letter
    return asgi_app


class AsgiApp:
    """An ASGI application around a Flask one."""

    def __init__(self, app: Flask) -> None:
        self._container: Container = app.extensions[CONTAINER_KEY]
        self._flask: Any = WSGIMiddleware(adapt_wsgi_app(app), workers=FLASK_THREADS)
        self._provider_by_path = {WEBHOOKS_PREFIX + name: name for name in PROVIDERS}
        headers = security.response_headers(WEBHOOKS_PREFIX, self._container.settings)
        self._webhook_headers = encode_headers({**headers, "Content-Type": "application/json"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._flask(scope, receive, send)
        elif head := self._match_fast_path(scope):
            await self._receive_delivery(head, scope, receive, send)
        else:
            await self._forward_to_flask(scope, receive, send)

    async def _forward_to_flask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To Flask, in a thread, as soon as there is something to hear."""
        stream = RequestStream(receive)
        await stream.receive_first()
        try:
            await self._flask({**scope, REQUEST_STREAM_KEY: stream}, stream.receive, send)
        finally:
            stream.stop_watching()

    async def _receive_delivery(
        self, head: DeliveryHead, scope: Scope, receive: Receive, send: Send
    ) -> None:
        started_at, request_id = (
            time.perf_counter(),
            bind_correlation_id(request_log.find_request_id(head.headers)),
        )
        body = b""
        try:
            body = await read_body(receive)
            delivery = webhooks.verify_delivery(
                self._container.services, *head, body, correlation_id=request_id
            )
            receipt = await webhooks.receive_delivery_async(self._container.event_writer, delivery)
        except Exception as error:
            flask_error = (
                None if isinstance(error, webhooks.WriteRejected) else error
            )  # to be tried otherwise
            handover = request_log.RequestHandover(started_at, request_id, flask_error)
            await self._flask(
                {**scope, request_log.HANDOVER_KEY: handover}, replay_body(body), send
            )
            return
        elapsed_seconds = time.perf_counter() - started_at
        metrics.with_labels(metrics.WEBHOOK_ACK_SECONDS, head.provider).observe(elapsed_seconds)
        request_log.count_request(WEBHOOK_ROUTE, "POST", STORED_STATUS, elapsed_seconds)
        response_body = RESPONSE_BODIES[receipt.is_duplicate]
        response_headers = {
            **request_log.tracing_headers(request_id, elapsed_seconds),
            "Content-Length": str(len(response_body)),
        }
        await send_response(
            send,
            STORED_STATUS,
            [*self._webhook_headers, *encode_headers(response_headers)],
            response_body,
        )

    def _match_fast_path(self, scope: Scope) -> DeliveryHead | None:
        """None for whatever is Flask's from the beginning."""
        provider = self._provider_by_path.get(scope["path"]) if scope["method"] == "POST" else None
        headers = (
            decode_headers(scope["headers"]) if provider and not scope["query_string"] else None
        )
        if (
            provider is None
            or headers is None
            or any(name in headers for name in FLASK_ONLY_HEADERS)
        ):
            return None
        length, settings = headers.get("content-length", ""), self._container.settings
        if not length.isdigit() or int(length) > min(
            MAX_FAST_PATH_BYTES, settings.limits.webhook_max_bytes
        ):
            return None
        if settings.is_production and not is_https(scope, headers, settings.trusted_proxy_count):
            return None
        return DeliveryHead(provider, headers)
