"""The ASGI application that the web server runs: it stores webhook deliveries, Flask does the rest.

A delivery that waits for its commit is an asyncio task and needs no thread (decision 0017). Flask
handles all other routes, deliveries of unusual form, and every response that is not 200: there is
one ASGI path and one Flask path for deliveries (decision 0024).
"""

import gc
import time
from asyncio import Task, create_task
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from a2wsgi import WSGIMiddleware
from flask import Flask
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import ClosingIterator, FileWrapper

from app import create_app
from app.api.webhooks import WEBHOOK_ROUTE, accepted_body
from app.http import request_log, security
from app.http.context import CONTAINER_KEY, Container
from app.http.request_log import STORED_STATUS, WEBHOOK_PATH_PREFIX
from core import webhooks
from core.observability import metrics
from core.observability.telemetry import bind_correlation_id
from platforms.registry import PLATFORMS

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

FLASK_THREADS = 32
MAX_FAST_PATH_BYTES = 64 * 1024  # a longer body would hold up the event loop for all others
FLASK_ONLY_HEADERS = ("transfer-encoding", "expect")
FILE_CHUNK_BYTES = 256 * 1024
FORWARDED_PROTO_HEADER = "x-forwarded-proto"
REQUEST_STREAM_KEY = "signalpost.request_stream"  # in the ASGI scope


class DeliveryHead(NamedTuple):
    """What is known of a delivery before its body is read."""

    provider: str
    headers: dict[str, str]


def create_asgi_app() -> "AsgiApp":
    """Return the application for the web server.

    Errors: Misconfigured, naming every fault of the settings.
    """
    asgi_app = AsgiApp(create_app())
    gc.freeze()  # imports leave half a million objects; collecting them would delay deliveries
    return asgi_app


class AsgiApp:
    """An ASGI application around the Flask application."""

    def __init__(self, app: Flask) -> None:
        self._container: Container = app.extensions[CONTAINER_KEY]
        self._flask: Any = WSGIMiddleware(adapt_wsgi_app(app), workers=FLASK_THREADS)
        self._provider_by_path = {WEBHOOK_PATH_PREFIX + name: name for name in PLATFORMS}
        headers = security.response_headers(WEBHOOK_PATH_PREFIX, self._container.settings)
        self._accepted_headers = encode_headers({**headers, "Content-Type": "application/json"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._flask(scope, receive, send)
        elif head := self._match_fast_path(scope):
            await self._receive_delivery(head, scope, receive, send)
        else:
            await self._forward_to_flask(scope, receive, send)

    def _match_fast_path(self, scope: Scope) -> DeliveryHead | None:
        """Return provider and headers of a delivery of ordinary form; None for anything else."""
        provider = self._provider_by_path.get(scope["path"])
        if provider is None or scope["method"] != "POST" or scope["query_string"]:
            return None
        headers = decode_headers(scope["headers"])
        if headers is None or any(name in headers for name in FLASK_ONLY_HEADERS):
            return None
        settings = self._container.settings
        max_bytes = min(MAX_FAST_PATH_BYTES, settings.limits.webhook_max_bytes)
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > max_bytes:
            return None
        if settings.is_production and not is_https(scope, headers, settings.trusted_proxy_count):
            return None
        return DeliveryHead(provider, headers)

    async def _receive_delivery(
        self, head: DeliveryHead, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Verify and store a delivery on the event loop. Flask makes the response to any error."""
        started_at, body = time.perf_counter(), b""
        request_id = bind_correlation_id(request_log.find_request_id(head.headers))
        try:
            body = await read_body(receive)
            delivery = webhooks.verify_delivery(
                self._container.services,
                head.provider,
                head.headers,
                body,
                correlation_id=request_id,
            )
            receipt = await webhooks.receive_delivery_async(self._container.event_writer, delivery)
        except webhooks.WriteRejected:  # Flask tries again, and stores the raw body if need be
            handover = request_log.RequestHandover(started_at, request_id)
            await self._hand_over(handover, body, scope, send)
        except Exception as error:  # noqa: BLE001 - Flask makes the response to every error
            handover = request_log.RequestHandover(started_at, request_id, error)
            await self._hand_over(handover, body, scope, send)
        else:
            elapsed_seconds = time.perf_counter() - started_at
            metrics.with_labels(metrics.WEBHOOK_ACK_SECONDS, head.provider).observe(elapsed_seconds)
            request_log.count_request(WEBHOOK_ROUTE, "POST", STORED_STATUS, elapsed_seconds)
            tracing_headers = request_log.tracing_headers(request_id, elapsed_seconds)
            await self._send_accepted(tracing_headers, accepted_body(receipt), send)

    async def _send_accepted(
        self, tracing_headers: Mapping[str, str], body: bytes, send: Send
    ) -> None:
        own_headers = {
            **tracing_headers,
            "Content-Length": str(len(body)),
        }
        headers = [*self._accepted_headers, *encode_headers(own_headers)]
        await send({"type": "http.response.start", "status": STORED_STATUS, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _hand_over(
        self, handover: request_log.RequestHandover, body: bytes, scope: Scope, send: Send
    ) -> None:
        """Pass a request whose body has been read to Flask."""
        flask_scope = {**scope, request_log.HANDOVER_KEY: handover}
        await self._flask(flask_scope, replay_body(body), send)

    async def _forward_to_flask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to Flask, in a thread, as soon as its body begins to arrive."""
        stream = RequestStream(receive)
        await stream.receive_first()
        try:
            await self._flask({**scope, REQUEST_STREAM_KEY: stream}, stream.receive, send)
        finally:
            stream.stop_watching()


class RequestStream:
    """Wraps ASGI `receive`: streams the body, then watches for `http.disconnect`.

    The server accepts parts of a response even if the client has left, so that the producer of a
    long response has to look at `is_disconnected`.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._first_message: Message | None = None
        self._disconnect_watcher: Task[None] | None = None
        self.is_disconnected = False

    async def receive_first(self) -> None:
        """Wait for the first part of the body, before a thread is occupied with the request."""
        self._first_message = await self._receive_message()

    async def receive(self) -> Message:
        """Return the next message. Errors: ClientDisconnected before the end of the body."""
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


def adapt_wsgi_app(app: Flask) -> Any:
    """Wrap the Flask application so that it knows what this server can do.

    A request body ends where the server says so, also without a length. Files are sent in parts
    large enough to be worth their way from a thread to the event loop. A response ends when the
    client has disconnected.
    """
    server_environ = {
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": lambda file, _size=0: FileWrapper(file, FILE_CHUNK_BYTES),
    }

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> Any:
        parts = app(environ | server_environ, start_response)
        stream: RequestStream | None = environ["asgi.scope"].get(REQUEST_STREAM_KEY)
        if stream is None:
            return parts
        return ClosingIterator(
            iterate_while_connected(parts, stream), getattr(parts, "close", None)
        )

    return wsgi_app


def iterate_while_connected(parts: Iterable[bytes], stream: RequestStream) -> Iterator[bytes]:
    for part in parts:
        if stream.is_disconnected:
            return
        yield part


def decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Return headers by lower-case name; None if one is not ASCII or occurs twice."""
    decoded: dict[str, str] = {}
    for raw_name, value in headers:
        name = raw_name.decode("ascii")
        if not value.isascii() or name in decoded:
            return None
        decoded[name] = value.decode("ascii")
    return decoded


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def is_https(scope: Scope, headers: Mapping[str, str], proxy_count: int) -> bool:
    """Whether the client used TLS, according to the outermost of the trusted proxies."""
    protos = [proto.strip() for proto in headers.get(FORWARDED_PROTO_HEADER, "").split(",")]
    if proxy_count and len(protos) >= proxy_count:
        return protos[-proxy_count] == "https"
    return bool(scope["scheme"] == "https")


async def read_body(receive: Receive) -> bytes:
    """Read a whole request body. Errors: ClientDisconnected."""
    chunks, has_more = [], True
    while has_more:
        message = raise_if_disconnected(await receive())
        chunks.append(message.get("body", b""))
        has_more = message.get("more_body", False)
    return b"".join(chunks)


def raise_if_disconnected(message: Message) -> Message:
    """Return the message. Errors: ClientDisconnected."""
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    return message


def replay_body(body: bytes) -> Receive:
    """Return a `receive` that yields a body that has been read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
