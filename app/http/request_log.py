"""Gives every request an id, counts it, and writes one log line for it.

An accepted delivery has no log line: its rows carry its correlation id. The log contains the path,
never a query string, a body or a header.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from core.observability import metrics
from core.observability.telemetry import CORRELATION_ID_PATTERN, bind_correlation_id
from core.observability.tracing import is_tracing, record_span

REQUEST_ID_HEADERS = ("X-Request-Id", "X-Correlation-Id")
REQUEST_ID_HEADER_KEYS = tuple(name.lower() for name in REQUEST_ID_HEADERS)
TRACE_HEADER = "traceparent"
HANDOVER_KEY = "signalpost.handover"  # in the ASGI scope
USER_ID_KEY = "signalpost.user_id"  # in the ASGI scope, after the request
SIGNED_PATH_PREFIX = "/m/"  # of media links, which work without a login: only the route is logged
WEBHOOK_PATH_PREFIX = "/api/webhooks/"
WEBHOOK_ROUTE = f"{WEBHOOK_PATH_PREFIX}<provider>"
STORED_STATUS = 200  # the response to a delivery that is stored; HTTP's own "Accepted" is 202
UNKNOWN_STATUS = 404
ERROR_STATUS = 400
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RequestHandover:
    """A request that the ASGI application began to handle and passed on to Flask."""

    started_at: float
    request_id: str
    error: Exception | None = None  # of a delivery; the response to it is made by its view
    refusal: Exception | None = None  # of any request; the response to it is made at once
    is_partial: bool = False  # one of several requests that are logged and counted as one

    def raise_error(self) -> None:
        """Raise the error that ended the request on the event loop, if there is one."""
        if self.error:
            raise self.error


def init_request_log(app: Flask) -> None:
    app.before_request(start_request)
    app.after_request(complete_request)
    app.teardown_request(end_request_span)


def start_request() -> None:
    """Set the start time and the id of the current request.

    Errors: the refusal of a request that was refused before it came to Flask.
    """
    handover = find_handover()
    g.started = handover.started_at if handover else time.perf_counter()
    g.request_id = bind_correlation_id(
        handover.request_id if handover else find_request_id(request.headers)
    )
    if is_tracing():
        begin_request_span()
    if handover and handover.refusal:
        raise handover.refusal


def begin_request_span() -> None:
    """Record the request until its end, as part of the caller's trace if it names one."""
    g.span = record_span(
        f"{request.method if request.method in KNOWN_METHODS else 'other'} {current_route()}",
        parent=request.headers.get(TRACE_HEADER),
        correlation_id=g.request_id,
    )
    g.span.__enter__()


def end_request_span(error: BaseException | None) -> None:
    if "span" in g:
        g.span.__exit__(None if error is None else type(error), error, None)


def find_handover() -> RequestHandover | None:
    scope = request.environ.get("asgi.scope", {})
    return cast("RequestHandover | None", scope.get(HANDOVER_KEY))


def find_scope_request_id(scope: Mapping[str, Any]) -> str:
    """Return the id of a request that is not in Flask yet."""
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name.decode("latin-1").title() in REQUEST_ID_HEADERS
    }
    return bind_correlation_id(find_request_id(headers))


def find_request_id(headers: Headers | Mapping[str, str]) -> str | None:
    """Return the caller's own request id, if it has a form that is safe in a log.

    A plain mapping has to have lower-case names.
    """
    for name in REQUEST_ID_HEADER_KEYS:
        value = headers.get(name)
        if value and CORRELATION_ID_PATTERN.fullmatch(value):
            return value
    return None


def complete_request(response: Response) -> Response:
    """Count the request, add the tracing headers, and log it unless it is an accepted delivery."""
    elapsed_seconds: float = time.perf_counter() - g.started
    response.headers.update(tracing_headers(g.request_id, elapsed_seconds))
    if is_stored_part(response):
        return response
    method = request.method if request.method in KNOWN_METHODS else "other"
    count_request(current_route(), method, response.status_code, elapsed_seconds)
    if is_unknown_delivery(response):
        metrics.WEBHOOK_UNKNOWN_PATHS.inc()
    if not is_accepted_delivery(response):
        log_request(response, elapsed_seconds)
    return response


def is_stored_part(response: Response) -> bool:
    """Whether this is one of the requests that one upload is stored by, and not the last one."""
    handover = find_handover()
    return handover is not None and handover.is_partial and response.status_code < ERROR_STATUS


def is_unknown_delivery(response: Response) -> bool:
    """Whether a platform may have sent this to an address that we do not know."""
    is_webhook_path = f"{request.path}/".startswith(WEBHOOK_PATH_PREFIX)
    return is_webhook_path and response.status_code == UNKNOWN_STATUS


def is_accepted_delivery(response: Response) -> bool:
    is_webhook_path = request.path.startswith(WEBHOOK_PATH_PREFIX)
    return is_webhook_path and response.status_code == STORED_STATUS


def log_request(response: Response, elapsed_seconds: float) -> None:
    principal = g.get("principal")
    log.info(
        "request",
        method=request.method,
        path=current_route() if request.path.startswith(SIGNED_PATH_PREFIX) else request.path,
        status=response.status_code,
        milliseconds=round(elapsed_seconds * 1000),
        user=principal and principal.user_id,
    )


def count_request(route: str, method: str, status: int, elapsed_seconds: float) -> None:
    """Count a request by labels of a closed set, so that callers cannot create new series."""
    metrics.with_labels(metrics.HTTP_REQUESTS, route, method, str(status)).inc()
    metrics.with_labels(metrics.HTTP_SECONDS, route, method).observe(elapsed_seconds)


def tracing_headers(request_id: str, elapsed_seconds: float) -> dict[str, str]:
    return {
        **dict.fromkeys(REQUEST_ID_HEADERS, request_id),
        "X-Duration-Ms": f"{elapsed_seconds * 1000:.0f}",
    }


def current_route() -> str:
    """Return the pattern of the current route, or "none" if the path matches no route."""
    return request.url_rule.rule if request.url_rule else "none"
