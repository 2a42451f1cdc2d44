"""The ASGI application that the web server runs: it stores webhook deliveries, Flask does the rest.

A delivery that waits for its commit is an asyncio task and needs no thread (decision 0017). Flask
handles all other routes, deliveries of unusual form, and every response that is not 200: there is
one ASGI path and one Flask path for deliveries (decision 0024). Bodies are received on the event
loop too, so that a slow client occupies no thread (decision 0034).
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

from flask import Flask
from werkzeug.exceptions import HTTPException, RequestTimeout

from app.api.webhooks import accepted_body
from app.factory import create_app
from app.flask_threads import REQUEST_STREAM_KEY, FlaskThreads, RequestStream
from app.http import request_log, security
from app.http.body_receipt import (
    BodyReceiver,
    CollectedResponse,
    Receive,
    Scope,
    Send,
    check_head,
    replay_body,
)
from app.http.context import CONTAINER_KEY, Container
from app.http.path_prefix import find_path_prefix, remove_prefix
from app.http.request_log import STORED_STATUS, WEBHOOK_PATH_PREFIX, WEBHOOK_ROUTE
from app.http.request_paths import normalize_path
from app.http.upload_parts import UploadReceiver, is_upload_request
from app.http.validation import MAX_POST_BYTES
from app.monitor import start_monitor
from core import webhooks
from core.config.garbage_collection import exclude_loaded_objects
from core.observability import metrics
from core.observability.metric_group import MetricGroup
from core.observability.telemetry import bind_correlation_id
from platforms.registry import PLATFORMS
from tasks.start_check import start_store_check

MAX_DESCRIPTORS = 20_000  # above the server's `--backpressure`, the most connections at a time
FLASK_THREADS = 32
UPLOAD_THREADS = 8  # store the parts of uploads, so that slow disks delay nothing else
MAX_FAST_PATH_BYTES = 64 * 1024  # a longer body would hold up the event loop for all others
FLASK_ONLY_HEADERS = frozenset({"transfer-encoding", "expect"})
QUERY_CHARACTERS = "".join(map(chr, range(33, 127)))  # those that are left as they are
FORWARDED_PROTO_HEADER = "x-forwarded-proto"


class DeliveryHead(NamedTuple):
    """What is known of a delivery before its body is read."""

    provider: str
    headers: dict[str, str]
    body_length: int


def create_asgi_app() -> "AsgiApp":
    """Return the application for the web server.

    Errors: Misconfigured, naming every fault of the settings.
    """
    raise_descriptor_limit()
    app = create_app()
    asgi_app = AsgiApp(app)
    start_monitor(app.extensions[CONTAINER_KEY])
    if replica := app.extensions[CONTAINER_KEY].services.replica:
        replica.start()
    start_store_check(app.extensions[CONTAINER_KEY].settings)
    exclude_loaded_objects()  # half a million: looking through them would delay deliveries
    return asgi_app


def raise_descriptor_limit() -> None:
    """Allow as many open connections as the server accepts, as far as the system lets us."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft != RLIM_INFINITY and soft < wanted:
        setrlimit(RLIMIT_NOFILE, (wanted, hard))


class AsgiApp:
    """An ASGI application around the Flask application."""

    def __init__(self, app: Flask) -> None:
        self._container: Container = app.extensions[CONTAINER_KEY]
        self._flask: Any = FlaskThreads(app, FLASK_THREADS)
        self._bodies = BodyReceiver()
        self._uploads = UploadReceiver(self._bodies, FlaskThreads(app, UPLOAD_THREADS))
        self._path_prefix = find_path_prefix(self._container.settings)
        self._provider_by_path = {
            prefix + WEBHOOK_PATH_PREFIX + name + end: name
            for name in PLATFORMS
            for prefix in ("", self._path_prefix)
            for end in ("", "/")
        }
        settings = self._container.settings
        self._max_api_bytes: int = max(settings.limits.max_json_bytes, MAX_POST_BYTES)
        self._max_page_bytes: int = settings.limits.max_json_bytes
        self._max_delivery_bytes: int = settings.limits.webhook_max_bytes
        self._max_fast_path_bytes: int = min(MAX_FAST_PATH_BYTES, self._max_delivery_bytes)
        self._needs_https: bool = settings.is_production
        self._metrics = MetricGroup(call_soon)
        headers = security.response_headers(WEBHOOK_PATH_PREFIX, settings)
        self._accepted_headers = encode_headers({**headers, "Content-Type": "application/json"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._flask(scope, receive, send)
        elif head := self._match_fast_path(scope):
            await self._receive_delivery(head, scope, receive, send)
        else:
            await self._forward_to_flask(clean_scope(scope), receive, send)

    def _match_fast_path(self, scope: Scope) -> DeliveryHead | None:
        """Return provider and headers of a delivery of ordinary form; None for anything else."""
        provider = self._provider_by_path.get(scope["path"])
        if provider is None or scope["method"] != "POST" or scope["query_string"]:
            return None
        headers = decode_headers(scope["headers"])
        if headers is None or not FLASK_ONLY_HEADERS.isdisjoint(headers):
            return None
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > self._max_fast_path_bytes:
            return None
        proxy_count = self._container.settings.trusted_proxy_count
        if self._needs_https and not is_https(scope, headers, proxy_count):
            return None
        return DeliveryHead(provider, headers, int(length))

    async def _receive_delivery(
        self, head: DeliveryHead, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Verify and store a delivery on the event loop. Flask makes the response to any error."""
        started_at, body, loop = time.perf_counter(), b"", asyncio.get_running_loop()
        request_id = bind_correlation_id(request_log.find_request_id(head.headers))
        try:
            body = await self._bodies.receive_body(
                receive, MAX_FAST_PATH_BYTES, length=head.body_length, loop=loop
            )
            delivery = webhooks.verify_delivery(
                self._container.services,
                head.provider,
                head.headers,
                body,
                correlation_id=request_id,
            )
            receipt = await webhooks.receive_delivery_async(
                self._container.event_writer, delivery, loop, self._metrics
            )
        except webhooks.WriteRejected:  # Flask tries again, and stores the raw body if need be
            handover = request_log.RequestHandover(started_at, request_id)
            await self._hand_over(handover, body, scope, send)
        except Exception as error:  # noqa: BLE001 - Flask makes the response to every error
            handover = request_log.RequestHandover(started_at, request_id, error)
            if isinstance(error, RequestTimeout):
                await self._refuse(handover, scope, receive, send)
            else:
                await self._hand_over(handover, body, scope, send)
        else:
            elapsed_seconds = time.perf_counter() - started_at
            self._count_accepted(head.provider, elapsed_seconds)
            tracing_headers = request_log.tracing_headers(request_id, elapsed_seconds)
            await self._send_accepted(tracing_headers, accepted_body(receipt), send)
        finally:
            self._bodies.release_bytes(len(body))

    def _count_accepted(self, provider: str, elapsed_seconds: float) -> None:
        """As `request_log.count_request`, and once for all deliveries of one commit."""
        route = (WEBHOOK_ROUTE, "POST")
        self._metrics.observe(metrics.WEBHOOK_ACK_SECONDS, elapsed_seconds, provider)
        self._metrics.count(metrics.HTTP_REQUESTS, *route, str(STORED_STATUS))
        self._metrics.observe(metrics.HTTP_SECONDS, elapsed_seconds, *route)

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
        """Pass a request whose body has been read, or is not going to be, to Flask."""
        flask_scope = {**clean_scope(scope), request_log.HANDOVER_KEY: handover}
        await self._flask(flask_scope, replay_body(body), send)

    async def _refuse(
        self, handover: request_log.RequestHandover, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let Flask make the response to a request whose body has not been read to its end."""
        response = CollectedResponse()
        await self._hand_over(handover, b"", scope, response.collect)
        await response.refuse_rest(receive, send)

    async def _forward_to_flask(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to Flask, in a thread, once its body has arrived."""
        path = remove_prefix(normalize_path(scope["path"]), self._path_prefix)
        if is_upload_request(scope["method"], path):
            await self._uploads.receive_upload(scope, receive, send)
            return
        max_bytes = self._find_max_bytes(path)
        started_at, stream = time.perf_counter(), RequestStream(receive)
        is_delivery = path.startswith(WEBHOOK_PATH_PREFIX)
        headers = dict(scope["headers"])
        try:
            check_head(headers, max_bytes, is_delivery=is_delivery)
            body = await self._bodies.receive_body(receive, max_bytes)
        except HTTPException as refusal:
            request_id = request_log.find_scope_request_id(scope)
            handover = request_log.RequestHandover(started_at, request_id, refusal=refusal)
            await self._refuse(handover, scope, receive, send)
            return
        try:
            await self._flask({**scope, REQUEST_STREAM_KEY: stream}, stream.replay(body), send)
        finally:
            stream.stop_watching()
            self._bodies.release_bytes(len(body))

    def _find_max_bytes(self, path: str) -> int:
        """Return how many bytes the body of a request to this path may have."""
        if path.startswith(WEBHOOK_PATH_PREFIX):
            return self._max_delivery_bytes
        return self._max_api_bytes if path.startswith("/api/") else self._max_page_bytes


def call_soon(callback: Callable[[], None]) -> None:
    """Call it after what this turn of the event loop still has to do."""
    asyncio.get_running_loop().call_soon(callback)


def clean_scope(scope: Scope) -> Scope:
    """Return a scope that means the same to every reader.

    Headers with an underscore in their name are dropped: WSGI cannot tell them from those with a
    hyphen, which a proxy has checked. The query string is ASCII afterwards, as WSGI demands.
    """
    headers = [item for item in scope["headers"] if b"_" not in item[0]]
    query_string: bytes = scope["query_string"]
    if not query_string.isascii():
        query_string = quote_from_bytes(query_string, safe=QUERY_CHARACTERS).encode()
    return {**scope, "headers": headers, "query_string": query_string}


def decode_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """Return headers by lower-case name; None if one is not ASCII or occurs twice.

    Those with an underscore in their name are left out, as in `clean_scope`.
    """
    decoded: dict[str, str] = {}
    for raw_name, value in headers:
        name = raw_name.decode("ascii")
        if "_" in name:
            continue
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
