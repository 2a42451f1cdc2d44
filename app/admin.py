"""What operators may see of settings, accounts and circuits: names and states, never a value.

Must not be open to anybody without the scope `admin`.
"""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint

from app.body import ok
from app.context import house, needs
from core.errors import NotFound
from core.resilience.circuits import Figures
from db.accounts import Account, Accounts

blueprint = Blueprint("admin", __name__)


@blueprint.get("/api/admin/accounts/<int:account_id>")
@needs("admin")
def account(account_id: int) -> dict[str, Any]:
    """One connected account of anybody, without its tokens."""
    with house().database.transaction() as session:
        found = Accounts(session).get(account_id)
    if found is None:
        raise NotFound
    return ok(data=account_shown(found))


@blueprint.get("/api/admin/circuit-breakers")
@needs("admin")
def circuits() -> dict[str, Any]:
    """How calls to the platforms stand, by platform and class of call."""
    world = house().world
    return ok(data=[circuit_shown(one) for one in world.circuits.figures(world.platforms)])


@blueprint.get("/api/admin/config")
@needs("admin")
def config() -> dict[str, Any]:
    """Which settings are there, by name; not one value."""
    settings = house().settings
    return ok(data={name: name in settings.given for name in settings.env_names()})


def account_shown(account: Account) -> dict[str, Any]:
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


def circuit_shown(one: Figures) -> dict[str, Any]:
    return {
        "platform": one.platform,
        "class": one.kind,
        "state": one.circuit.state,
        "failures": len(one.circuit.failures),
        "successes": one.circuit.successes,
        "totalFailures": one.failures,
        "totalSuccesses": one.successes,
        "lastFailure": moment(one.circuit.last_failure),
        "lastChange": moment(one.circuit.changed),
    }


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
