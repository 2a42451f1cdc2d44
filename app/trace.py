"""One id and one log line per request. Logs the path, never a query string, body or header."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import structlog
from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from core.watch import metrics
from core.watch.telemetry import CORRELATION, correlate

ASKED = ("X-Request-Id", "X-Correlation-Id")
HANDED = "signalpost.handed"
SIGNED = "/m/"  # whoever knows such a path may fetch the file: it is logged as its route
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Handed:
    """A request that began before Flask, and why it ended there."""

    began: float
    request_id: str
    fault: Exception | None = None

    def resume(self) -> None:
        """Errors: its own."""
        if self.fault:
            raise self.fault


def follow(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    before = handed()
    g.started = before.began if before else time.perf_counter()
    g.request_id = correlate(before.request_id if before else asked(request.headers))


def handed() -> Handed | None:
    scope = request.environ.get("asgi.scope", {})
    return cast("Handed | None", scope.get(HANDED))


def asked(headers: Headers | Mapping[str, str]) -> str | None:
    """The id the caller already uses for this, if it is of a form that no log can trip over.

    Headers are found by their lower-case names.
    """
    sent = (headers.get(name.lower(), "") for name in ASKED)
    return next((one for one in sent if CORRELATION.fullmatch(one)), None)


def end(response: Response) -> Response:
    tell(response, mark(response))
    return response


def mark(response: Response) -> float:
    """Counted, and its sender told which request this was. Units: seconds it took."""
    spent: float = time.perf_counter() - g.started
    method = request.method if request.method in METHODS else "other"
    count(route(), method, response.status_code, spent)
    response.headers.update(told(g.request_id, spent))
    return spent


def told(request_id: str, spent: float) -> dict[str, str]:
    return {**dict.fromkeys(ASKED, request_id), "X-Duration-Ms": f"{spent * 1000:.0f}"}


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


def count(rule: str, method: str, status: int, spent: float) -> None:
    """Labels are ours: a caller must not choose them."""
    metrics.of(metrics.HTTP, rule, method, str(status)).inc()
    metrics.of(metrics.HTTP_SECONDS, rule, method).observe(spent)


def route() -> str:
    return request.url_rule.rule if request.url_rule else "none"
