"""Who may set workers going by hand: cron with the workers' secret, or a key that may.

Nothing changes on GET.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, request

from app.http.context import current_container, find_principal
from app.http.validation import ok
from core import webhooks
from core.errors import ServiceUnavailable, Unauthorized
from core.health import alerts
from platforms.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

WORKER_SCOPE = "workers:run"

blueprint = Blueprint("workers", __name__)


def require_worker(view: Callable[P, T]) -> Callable[P, T]:
    """Errors: Unauthorized; Away while no secret is set, in every environment."""

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        principal = find_principal()
        if principal is None or not principal.has_scopes([WORKER_SCOPE]):
            check_worker_secret()
        return view(*args, **kwargs)

    wrapper.__dict__["required_scopes"] = (WORKER_SCOPE,)  # for /openapi.json
    return wrapper


def check_worker_secret() -> None:
    expected = current_container().settings.worker_secret
    if expected is None:
        raise ServiceUnavailable("WORKER_SECRET is not set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if Secret(request.headers.get("X-Worker-Secret", bearer)) != expected:
        raise Unauthorized("this needs the workers' secret")


@blueprint.post("/api/workers/webhooks")
@require_worker
def process_webhooks() -> dict[str, Any]:
    """Apply one batch of stored notices here and now."""
    limit = current_container().settings.limits.webhook_batch_size
    processed = webhooks.process_batch(
        current_container().database, current_container().services, limit=limit
    ).recorded
    return ok(message=f"{processed} events processed", processed=processed)


@blueprint.get("/api/workers/webhooks")
def describe_webhook_worker() -> dict[str, str]:
    """What this worker is."""
    message = "POST with the workers' secret to process pending events"
    return {"status": "ok", "worker": "webhook-processor", "message": message}


@blueprint.post("/api/workers/alert-checker")
@require_worker
def check_alerts() -> dict[str, Any]:
    """Open and end alerts by how things stand now."""
    result = alerts.check_alerts(current_container().database)
    return ok(
        newAlerts=result.opened,
        activeAlerts=result.active,
        timestamp=current_container().services.now(),
    )
