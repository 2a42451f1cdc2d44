"""Whether stores, settings and platforms are healthy, for operators."""

from typing import Any

from flask import Blueprint

from app.http.context import current_container, require_scopes
from app.http.validation import RequestModel, success_body, validate_query
from core.health.credential_probes import CredentialProbe
from core.health.installation_health import (
    PlatformHealth,
    StoreHealth,
    read_installation_health,
)
from db.ops.login_health import LoginHealth

blueprint = Blueprint("validation_health", __name__)


class ValidationQuery(RequestModel):
    probe: bool = False


@blueprint.get("/api/validation/health")
@require_scopes("admin")
@validate_query(ValidationQuery)
def validate_installation(query: ValidationQuery) -> dict[str, Any]:
    """Show whether database, Redis, broker and each platform are healthy, degraded or unhealthy.

    `status` is the worst of them. The status of a platform follows from the token renewals of
    its accounts in the last 24 hours. Only with `probe=1` each platform is asked whether it
    accepts our credentials, for ten seconds at most; its answer is kept for five minutes, and for
    thirty seconds if it could not be asked.
    """
    container = current_container()
    installation = read_installation_health(
        container.database,
        container.services,
        container.readiness,
        probes=container.credential_probes.probe_all() if query.probe else {},
    )
    return success_body(
        status=installation.health,
        database=serialize_store(installation.database),
        redis=serialize_store(installation.redis),
        broker=serialize_store(installation.broker),
        platforms={name: serialize_platform(each) for name, each in installation.platforms.items()},
        timestamp=container.services.now(),
    )


def serialize_store(store: StoreHealth) -> dict[str, Any]:
    return {"status": store.health, "fault": store.fault}


def serialize_platform(platform: PlatformHealth) -> dict[str, Any]:
    logins = platform.logins
    return {
        "status": platform.health,
        "configured": platform.is_configured,
        "missingSettings": platform.missing_settings,
        "accounts": serialize_accounts(logins),
        "refreshes": {
            "success": logins.refreshed_24h if logins else 0,
            "failure": logins.failed_24h if logins else 0,
            "lastSuccessAt": logins.last_success_at if logins else None,
        },
        "probe": None if platform.probe is None else serialize_probe(platform.probe),
    }


def serialize_accounts(logins: LoginHealth | None) -> dict[str, int]:
    return {
        "total": logins.total if logins else 0,
        "active": logins.active if logins else 0,
        "expired": logins.expired if logins else 0,
        "expiringWithinHour": logins.expiring_within_1h if logins else 0,
        "needsReconnect": logins.needs_reconnect if logins else 0,
    }


def serialize_probe(probe: CredentialProbe) -> dict[str, Any]:
    """`accepted` null: the platform could not be asked, and `code` says why."""
    return {
        "accepted": probe.verdict.accepted,
        "code": probe.verdict.code,
        "probedAt": probe.probed_at,
    }
