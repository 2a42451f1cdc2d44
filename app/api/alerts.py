"""Alerts for operators: list them, and mark one as resolved. Reading them changes nothing."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import RequestModel, RowId, success_body, validate_body, validate_query
from core.health import alerts, notices
from db.ops.alerts import Alert, Alerts

MAX_ALERTS = 200

blueprint = Blueprint("monitoring", __name__)


class AlertListQuery(RequestModel):
    include_resolved: Annotated[bool, Field(alias="includeResolved")] = False


class ResolveAlertRequest(RequestModel):
    alert_id: Annotated[RowId, Field(alias="alertId")]


@blueprint.get("/api/monitoring/alerts")
@require_scopes("admin")
@validate_query(AlertListQuery)
def list_alerts(query: AlertListQuery) -> dict[str, Any]:
    """List open alerts; with `includeResolved`, the latest of all."""
    with current_container().database.transaction() as session:
        active = Alerts(session).list_open()
        rows = Alerts(session).list_latest(limit=MAX_ALERTS) if query.include_resolved else active
    serialized = [serialize_alert(alert) for alert in rows]
    return success_body(
        alerts=serialized, activeCount=len(active), timestamp=current_container().services.now()
    )


@blueprint.post("/api/monitoring/alerts")
@require_scopes("admin")
@validate_body(ResolveAlertRequest)
def resolve_alert(body: ResolveAlertRequest) -> dict[str, Any]:
    """Resolve an alert; it opens again if its condition still holds."""
    rules = notices.load_rules(current_container().settings)
    with current_container().database.transaction() as session:
        alert = alerts.resolve_alert(
            session, body.alert_id, user_id=current_principal().user_id, rules=rules
        )
    return success_body(alert=serialize_alert(alert))


def serialize_alert(alert: Alert) -> dict[str, Any]:
    return {
        **serialize_open_alert(alert),
        "resolvedAt": alert.resolved_at,
        "resolvedBy": alert.resolved_by,
    }


def serialize_open_alert(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "name": alert.name,
        "severity": alert.severity,
        "details": alert.details,
        "openedAt": alert.opened_at,
    }
