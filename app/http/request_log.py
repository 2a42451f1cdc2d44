"""One id and one log line per request. Logs the path, never a query string, body or header."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from core.observability import metrics
from core.observability.telemetry import CORRELATION_ID_PATTERN, bind_correlation_id

REQUEST_ID_HEADERS = ("X-Request-Id", "X-Correlation-Id")
HANDOVER_KEY = "signalpost.handover"
SIGNED_PATH_PREFIX = (
    "/m/"  # whoever knows such a path may fetch the file: it is logged as its route
)
KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RequestHandover:
    """A request that began before Flask, and why it ended there."""

    started_at: float
    request_id: str
    error: Exception | None = None

    def raise_error(self) -> None:
        """Errors: its own."""
        if self.error:
            raise self.error


def init_request_log(app: Flask) -> None:
    app.before_request(start_request)
    app.after_request(complete_request)


def start_request() -> None:
    handover = find_handover()
    g.started = handover.started_at if handover else time.perf_counter()
    g.request_id = bind_correlation_id(
        handover.request_id if handover else find_request_id(request.headers)
    )


def find_handover() -> RequestHandover | None:
    scope = request.environ.get("asgi.scope", {})
    return cast("RequestHandover | None", scope.get(HANDOVER_KEY))


def find_request_id(headers: Headers | Mapping[str, str]) -> str | None:
    """The id the caller already uses for this, if it is of a form that no log can trip over.

    Headers are found by their lower-case names.
    """
    candidates = (headers.get(name.lower(), "") for name in REQUEST_ID_HEADERS)
    return next((one for one in candidates if CORRELATION_ID_PATTERN.fullmatch(one)), None)


def complete_request(response: Response) -> Response:
    log_request(response, record_response(response))
    return response


def record_response(response: Response) -> float:
    """Counted, and its sender told which request this was. Units: seconds it took."""
    elapsed_seconds: float = time.perf_counter() - g.started
    method = request.method if request.method in KNOWN_METHODS else "other"
    count_request(current_route(), method, response.status_code, elapsed_seconds)
    response.headers.update(tracing_headers(g.request_id, elapsed_seconds))
    return elapsed_seconds


def tracing_headers(request_id: str, elapsed_seconds: float) -> dict[str, str]:
    return {
        **dict.fromkeys(REQUEST_ID_HEADERS, request_id),
        "X-Duration-Ms": f"{elapsed_seconds * 1000:.0f}",
    }


def log_request(response: Response, elapsed_seconds: float) -> None:
    """The line in the log."""
    principal = g.get("caller")
    log.info(
        "request",
        method=request.method,
        path=current_route() if request.path.startswith(SIGNED_PATH_PREFIX) else request.path,
        status=response.status_code,
        milliseconds=round(elapsed_seconds * 1000),
        user=principal and principal.user_id,
    )


def count_request(route: str, method: str, status: int, elapsed_seconds: float) -> None:
    """Labels are ours: a caller must not choose them."""
    metrics.with_labels(metrics.HTTP_REQUESTS, route, method, str(status)).inc()
    metrics.with_labels(metrics.HTTP_SECONDS, route, method).observe(elapsed_seconds)


def current_route() -> str:
    return request.url_rule.rule if request.url_rule else "none"
