"""Liveness, readiness and metrics: for load balancers and Prometheus; they contain no user data."""

from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request

from app.http.context import current_container
from core.errors import Unauthorized
from core.health.gauges import collect_gauges
from core.observability import metrics
from platforms.secret import Secret

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def show_liveness() -> dict[str, str]:
    """Report that this process answers requests."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def show_readiness() -> tuple[dict[str, Any], int]:
    """Check database, broker, migrations, beat and overdue work; 503 with the reasons."""
    report = current_container().readiness.report()
    body = {
        "status": "ready" if report.is_ready else "not ready",
        "reasons": report.reasons,
        "database": report.database,
        "broker": report.broker,
        "migration": report.migration,
        "tickAgeSeconds": report.tick_age,
        "overdueSeconds": report.overdue,
        "platforms": report.platforms,
    }
    return body, 200 if report.is_ready else 503


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Show Prometheus metrics; needs METRICS_TOKEN or, if that is not set, a private address."""
    if not can_read_metrics():
        raise Unauthorized(
            "send METRICS_TOKEN as Bearer token, or unset it and call from a private address"
        )
    return Response(
        metrics.render_exposition(
            collect_gauges(current_container().database, current_container().services)
        ),
        content_type=metrics.CONTENT_TYPE,
    )


def can_read_metrics() -> bool:
    """Whether the request carries METRICS_TOKEN; without that setting, whether it is private."""
    token = current_container().settings.metrics_token
    if token is not None:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return Secret(sent) == token
    return is_private_address(request.remote_addr)


def is_private_address(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_private
    except ValueError:
        return False
