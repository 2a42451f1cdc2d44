"""Liveness, readiness, full status and metrics; they contain no user data. Decision 0040."""

from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request

from app.api.pauses import serialize_pause
from app.http.context import current_container
from core.errors import Unauthorized
from core.health.readiness import ReadinessReport
from core.health.version import INSTALLED_VERSION
from core.observability import metrics
from platforms.secret import Secret

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def show_liveness() -> dict[str, str]:
    """Report that this process answers requests, and its version."""
    return {"status": "ok", "version": INSTALLED_VERSION}


@blueprint.get("/readyz")
def show_readiness() -> tuple[dict[str, Any], int]:
    """Whether this process can serve requests: 503 with the reasons if not. For load balancers.

    It also lists what delays the work of the installation, which takes no process out of service.
    """
    report = current_container().readiness.report()
    return serialize_readiness(report), 200 if report.serves_traffic else 503


@blueprint.get("/statusz")
def show_status() -> tuple[dict[str, Any], int]:
    """Everything that is wrong, open alerts included: 503 with the reasons. For people and alarms.

    Needs METRICS_TOKEN or, if that is not set, a private address.
    """
    check_metrics_access()
    report = current_container().status.report(current_container().readiness)
    judged_age = report.alarm.judged_age
    body = {
        **serialize_readiness(report.readiness),
        "reasons": report.reasons,
        "alerts": report.alarm.open_alerts,
        "conditionsJudgedSecondsAgo": judged_age and judged_age.total_seconds(),
        "failingSinks": {each.sink: each.last_error for each in report.alarm.failing_sinks},
        "alertsAgeSeconds": report.alarm_age,
        "paused": [serialize_pause(each) for each in report.alarm.pauses],
    }
    return body, 503 if report.reasons else 200


def serialize_readiness(report: ReadinessReport) -> dict[str, Any]:
    """Shapes: `status` is ready, degraded (serves requests, but something is wrong) or not ready.

    `reasons` lists everything that is wrong, `trafficReasons` what answers 503 at `/readyz`.
    """
    degraded = "ready" if report.is_ready else "degraded"
    return {
        "status": degraded if report.serves_traffic else "not ready",
        "reasons": report.reasons,
        "trafficReasons": report.traffic_reasons,
        "database": report.database,
        "broker": report.broker,
        "migration": report.migration,
        "tickAgeSeconds": report.tick_age,
        "overdueSeconds": report.overdue,
        "factsAgeSeconds": report.facts_age,
        "platforms": report.platforms,
    }


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Show Prometheus metrics; needs METRICS_TOKEN or, if that is not set, a private address."""
    check_metrics_access()
    return Response(
        metrics.render_exposition(current_container().gauges.collect()),
        content_type=metrics.CONTENT_TYPE,
    )


def check_metrics_access() -> None:
    """Errors: Unauthorized."""
    if not can_read_metrics():
        raise Unauthorized(
            "send METRICS_TOKEN as Bearer token, or unset it and call from a private address"
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
