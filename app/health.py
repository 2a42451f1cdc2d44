"""Is it alive, can it work, what has it counted. Open, or for machines next door; names no user."""

from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, request

from app.context import house
from core.errors import Unauthorized
from core.health.facts import gather
from core.watch import metrics
from platforms.secret import Secret

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    """This process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready() -> tuple[dict[str, Any], int]:
    """Database, broker, migrations, beat and overdue work; 503 with the reasons."""
    report = house().readiness.report()
    shown = {
        "status": "ready" if report.is_ready else "not ready",
        "reasons": report.reasons,
        "database": report.database,
        "broker": report.broker,
        "migration": report.migration,
        "tickAgeSeconds": report.tick_age,
        "overdueSeconds": report.overdue,
        "platforms": report.platforms,
    }
    return shown, 200 if report.is_ready else 503


@blueprint.get("/metrics")
def counted() -> Response:
    """Prometheus' text, for whoever has METRICS_TOKEN; without one, for the private network."""
    if not may_count():
        raise Unauthorized("metrics need the token, or a private address")
    return Response(
        metrics.exposition(gather(house().database, house().world)),
        content_type=metrics.CONTENT_TYPE,
    )


def may_count() -> bool:
    token = house().settings.metrics_token
    if token is not None:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return Secret(sent) == token
    return is_near(request.remote_addr)


def is_near(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_private
    except ValueError:
        return False
