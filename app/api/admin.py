"""Views for operators: accounts, circuit breakers, queues, settings; no secret value."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from app.http.context import current_container, require_scopes
from app.http.validation import success_body
from core import audit
from core.errors import NotFound
from core.health import queues
from core.health.queues import QueueStatus
from core.health.workers import WorkerStatus
from core.limits.circuits import CircuitView
from core.limits.window_usage import HighestUsage
from db.accounts.accounts import Account, Accounts
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

blueprint = Blueprint("admin", __name__)


@blueprint.get("/api/admin/accounts/<int:account_id>")
@require_scopes("admin")
def show_account(account_id: int) -> dict[str, Any]:
    """Show a connected account of any user, without its tokens."""
    with current_container().database.transaction() as session:
        account = Accounts(session).get(account_id)
        if account is None:
            raise NotFound(f"there is no account {account_id}")
        audit.record_action(session, "account.read", subject=f"account:{account_id}")
    return success_body(data=serialize_admin_account(account))


@blueprint.get("/api/admin/circuit-breakers")
@require_scopes("admin")
def list_circuit_breakers() -> dict[str, Any]:
    """List the circuit breakers by platform and class of call."""
    services = current_container().services
    return success_body(
        data=[
            serialize_circuit(view) for view in services.circuits.list_circuits(services.adapters)
        ]
    )


@blueprint.get("/api/admin/rate-limits")
@require_scopes("admin")
def list_rate_limits() -> dict[str, Any]:
    """List the limits of calls to platforms, each with the account that has used most of it.

    Redis counts the calls; while it does not answer, neither does this route.
    """
    services = current_container().services
    now, usages = services.now(), services.rate_limits.list_usages()
    return success_body(
        data=[
            serialize_limit(name, call_class.name, *usages[call_class.name], now)
            for name, platform in PLATFORMS.items()
            for call_class in platform.call_classes.values()
            if call_class.name in usages
        ]
    )


@blueprint.get("/api/admin/config")
@require_scopes("admin")
def show_config() -> dict[str, Any]:
    """List all settings by name and whether each is set; values are not shown."""
    settings = current_container().settings
    return success_body(
        data={name: name in settings.configured_names for name in settings.setting_names()}
    )


@blueprint.get("/api/admin/queues")
@require_scopes("admin")
def list_queues() -> dict[str, Any]:
    """List the queues with their due rows, and the workers with their last sign of life.

    Counts stop at 10,000.
    """
    with current_container().database.transaction() as session:
        overview = queues.read_queues(session)
    return success_body(
        queues=[serialize_queue(queue) for queue in overview.queues],
        workers=[serialize_worker(worker) for worker in overview.workers],
        timestamp=overview.read_at,
    )


def serialize_queue(queue: QueueStatus) -> dict[str, Any]:
    age = queue.canary_age
    return {
        "name": queue.name,
        "state": queue.state,
        "due": queue.due,
        "held": queue.held,
        "oldestDueAt": queue.oldest_due_at,
        "canaryAgeSeconds": None if age is None else round(age.total_seconds(), 1),
    }


def serialize_worker(worker: WorkerStatus) -> dict[str, Any]:
    return {
        "name": worker.name,
        "seenAt": worker.seen_at,
        "silent": worker.is_silent,
        "queues": worker.queues,
        "holds": [
            {
                "queue": hold.queue,
                "rows": hold.rows.number,
                "oldestDueAt": hold.rows.oldest_due_at,
                "leasedUntil": hold.rows.leased_until,
                "runningSince": hold.running_since,
                "shared": hold.is_shared,
            }
            for hold in worker.holds
        ],
    }


def serialize_admin_account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "userId": account.user_id,
        "provider": account.provider,
        "openId": account.open_id,
        "scope": account.scope,
        "status": account.status,
        "statusCause": account.status_cause,
        "hasAccessToken": account.access_token_encrypted is not None,
        "hasRefreshToken": account.refresh_token_encrypted is not None,
        "expiresAt": account.expires_at,
        "refreshExpiresAt": account.refresh_expires_at,
        "refreshDueAt": account.due_at,
        "refreshFailures": account.attempts,
        "lastRefreshError": account.last_error,
        "lastRefreshedAt": account.last_refreshed_at,
        "disconnectedAt": account.disconnected_at,
        "createdAt": account.created_at,
    }


def serialize_circuit(view: CircuitView) -> dict[str, Any]:
    return {
        "platform": view.platform,
        "class": view.name,
        "state": view.circuit.state,
        "failures": len(view.circuit.failures),
        "successes": view.circuit.successes,
        "totalFailures": view.failures,
        "totalSuccesses": view.successes,
        "lastFailure": to_datetime(view.circuit.last_failure),
        "lastChange": to_datetime(view.circuit.changed),
    }


def serialize_limit(
    platform: str, call_class: str, rate: Rate, usage: HighestUsage, now: datetime
) -> dict[str, Any]:
    return {
        "platform": platform,
        "class": call_class,
        "limit": rate.limit,
        "windowSeconds": rate.window.total_seconds(),
        "used": usage.used,
        "accountId": usage.account_id,
        "freesAt": now + usage.frees_in if usage.account_id else None,
        "blockedUntil": now + usage.blocked_for if usage.blocked_for else None,
        "complete": usage.is_complete,
    }


def to_datetime(seconds: float | None) -> datetime | None:
    """Units: seconds since the epoch."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
