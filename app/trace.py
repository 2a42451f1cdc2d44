"""One id and one log line per request. Logs the path, never a query string, body or header."""

import time

import structlog
from flask import Flask, Response, g, request

from core import metrics
from core.telemetry import CORRELATION, correlate

ASKED = ("X-Request-Id", "X-Correlation-Id")

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
    seconds = time.perf_counter() - g.started
    spent = seconds * 1000
    route = request.url_rule.rule if request.url_rule else "none"
    metrics.HTTP.labels(route, request.method, response.status_code).inc()
    metrics.HTTP_SECONDS.labels(route, request.method).observe(seconds)
    for name in ASKED:
        response.headers[name] = g.request_id
    response.headers["X-Duration-Ms"] = f"{spent:.0f}"
    who = g.get("caller")
    log.info(
        "request",
        method=request.method,
        path=request.path,
        status=response.status_code,
        milliseconds=round(spent),
        user=who and who.user_id,
    )
    return response
