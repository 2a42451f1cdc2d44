"""Alerts as operators see them, and the word that one is dealt with. Looking changes nothing."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.body import Body, asks, ok, takes
from app.context import caller, house, needs
from core.health import alerts
from db.alerts import Alert, Alerts

LATEST = 200

blueprint = Blueprint("monitoring", __name__)


class Which(Body):
    include_resolved: Annotated[bool, Field(alias="includeResolved")] = False


class Dealt(Body):
    alert_id: Annotated[int, Field(alias="alertId", ge=1, lt=2**63)]


@blueprint.get("/api/monitoring/alerts")
@needs("admin")
@asks(Which)
def listing(query: Which) -> dict[str, Any]:
    """Open alerts, or the latest of all."""
    with house().database.transaction() as session:
        active = Alerts(session).active()
        found = Alerts(session).latest(limit=LATEST) if query.include_resolved else active
    told = [shown(alert) for alert in found]
    return ok(alerts=told, activeCount=len(active), timestamp=house().world.now())


@blueprint.post("/api/monitoring/alerts")
@needs("admin")
@takes(Dealt)
def resolve(body: Dealt) -> dict[str, Any]:
    """Somebody has dealt with it; it opens anew while its condition lasts."""
    with house().database.transaction() as session:
        alert = alerts.resolve(session, body.alert_id, user_id=caller().user_id)
    return ok(alert=shown(alert))


def shown(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "name": alert.name,
        "severity": alert.severity,
        "details": alert.details,
        "openedAt": alert.opened_at,
        "resolvedAt": alert.resolved_at,
        "resolvedBy": alert.resolved_by,
    }
