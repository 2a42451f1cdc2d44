"""Worker runs started by hand, e.g. by cron: process webhook events, check alerts.

GET only describes the worker; nothing changes on GET.
"""

from typing import Any

from flask import Blueprint

from app.http.context import current_container
from app.http.validation import success_body
from app.http.worker_auth import require_worker
from core import webhooks
from core.health import alerts

blueprint = Blueprint("workers", __name__)


@blueprint.post("/api/workers/webhooks")
@require_worker
def process_webhooks() -> dict[str, Any]:
    """Process one batch of stored webhook events during this request."""
    limit = current_container().settings.limits.webhook_batch_size
    processed = webhooks.process_batch(
        current_container().database, current_container().services, limit=limit
    ).recorded
    return success_body(message=f"{processed} events processed", processed=processed)


@blueprint.get("/api/workers/webhooks")
def describe_webhook_worker() -> dict[str, str]:
    """Describe the webhook worker; changes nothing."""
    message = "POST with WORKER_SECRET to process pending events"
    return {"status": "ok", "worker": "webhook-processor", "message": message}


@blueprint.post("/api/workers/alert-checker")
@require_worker
def check_alerts() -> dict[str, Any]:
    """Check all alert conditions: open new alerts, resolve those whose condition has ended."""
    result = alerts.check_alerts(current_container().database, current_container().services)
    return success_body(
        newAlerts=result.opened,
        activeAlerts=result.active,
        timestamp=current_container().services.now(),
    )
