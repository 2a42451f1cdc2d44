"""One id and one log line per request. Logs the path, never a query string, body or header."""

import time

import structlog
from flask import Flask, Response, g, request

from core.watch import metrics
from core.watch.telemetry import CORRELATION, correlate

ASKED = ("X-Request-Id", "X-Correlation-Id")
SIGNED = "/m/"  # whoever knows such a path may fetch the file: it is logged as its route
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(__name__)


def follow(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    g.started = time.perf_counter()
    g.request_id = correlate(asked())


def asked() -> str | None:
    """The id the caller already uses for this, if it is of a form that no log can trip over."""
    sent = (request.headers.get(name, "") for name in ASKED)
    return next((one for one in sent if CORRELATION.fullmatch(one)), None)


def end(response: Response) -> Response:
    tell(response, mark(response))
    return response


def mark(response: Response) -> float:
    """Counted, and its sender told which request this was. Units: seconds it took."""
    spent: float = time.perf_counter() - g.started
    count(response, spent)
    for name in ASKED:
        response.headers[name] = g.request_id
    response.headers["X-Duration-Ms"] = f"{spent * 1000:.0f}"
    return spent


def tell(response: Response, spent: float) -> None:
    """The line in the log."""
    who = g.get("caller")
    log.info(
        "request",
        method=request.method,
        path=route() if request.path.startswith(SIGNED) else request.path,
        status=response.status_code,
        milliseconds=round(spent * 1000),
        user=who and who.user_id,
    )


def count(response: Response, spent: float) -> None:
    """Labels are ours: a caller must not choose them."""
    method = request.method if request.method in METHODS else "other"
    metrics.of(metrics.HTTP, route(), method, str(response.status_code)).inc()
    metrics.of(metrics.HTTP_SECONDS, route(), method).observe(spent)


def route() -> str:
    return request.url_rule.rule if request.url_rule else "none"
