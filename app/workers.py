"""Who may set workers going by hand: cron with the workers' secret, or a key that may.

Nothing changes on GET.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Blueprint, request

from app.body import ok
from app.context import house, visitor
from core import webhooks
from core.errors import Away, Unauthorized
from core.health import alerts
from platforms.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

SCOPE = "workers:run"

blueprint = Blueprint("workers", __name__)


def works(view: Callable[P, T]) -> Callable[P, T]:
    """Errors: Unauthorized; Away while no secret is set, in every environment."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        who = visitor()
        if who is None or not who.may([SCOPE]):
            prove()
        return view(*args, **kwargs)

    checked.__dict__["needs"] = (SCOPE,)  # for /openapi.json
    return checked


def prove() -> None:
    wanted = house().settings.worker_secret
    if wanted is None:
        raise Away("WORKER_SECRET is not set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if Secret(request.headers.get("X-Worker-Secret", bearer)) != wanted:
        raise Unauthorized("this needs the workers' secret")


@blueprint.post("/api/workers/webhooks")
@works
def apply_webhooks() -> dict[str, Any]:
    """Apply one batch of stored notices here and now."""
    limit = house().settings.limits.webhook_batch
    done = webhooks.process(house().database, house().world, limit=limit).recorded
    return ok(message=f"{done} events processed", processed=done)


@blueprint.get("/api/workers/webhooks")
def describe_webhooks() -> dict[str, str]:
    """What this worker is."""
    about = "POST with the workers' secret to process pending events"
    return {"status": "ok", "worker": "webhook-processor", "message": about}


@blueprint.post("/api/workers/alert-checker")
@works
def check_alerts() -> dict[str, Any]:
    """Open and end alerts by how things stand now."""
    found = alerts.check(house().database)
    return ok(newAlerts=found.opened, activeAlerts=found.active, timestamp=house().world.now())
