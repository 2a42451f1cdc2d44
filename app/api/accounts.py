"""Connected accounts: which there are, how they stand, and how to let one go."""

from typing import Annotated, Any, Literal

import structlog
from flask import Blueprint
from pydantic import ConfigDict, Field

from app.api.cron import require_worker
from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_scopes
from app.http.i18n import current_locale
from app.http.messages import find_message
from app.http.validation import RequestModel, ok, validate_body
from app.serialize.accounts import public_error_code
from app.serialize.accounts import serialize_refresh_result as swept_shown
from core import accounts
from core.errors import CoreError, OperationFailed
from db.session import DatabaseUnavailable

blueprint = Blueprint("accounts", __name__)
log = structlog.get_logger(__name__)


class DisconnectRequest(RequestModel):
    """Taken literally: `true` is no account, and `"no"` is no word on what is erased for ever."""

    model_config = ConfigDict(strict=True)

    account_id: Annotated[int | None, Field(alias="accountId", ge=1)] = None
    erase: bool = False
    queued: Literal["hold", "cancel"] = "hold"


@blueprint.get("/api/platforms")
@require_scopes("accounts:read")
def list_platforms() -> dict[str, Any]:
    """Every platform: whether it is set up here, what it can do, and my accounts there."""
    with current_container().database.transaction() as session:
        found = accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )
    return ok(data=[serialize_platform(each) for each in found])


@blueprint.get(f"/api/platforms/{PLATFORM_URL_PARAM}/status")
@require_scopes("accounts:read")
def show_platform_status(platform: str) -> dict[str, Any]:
    """My accounts of one platform, the newest first; the first one also at the top."""
    with current_container().database.transaction() as session:
        user_id = current_principal().user_id
        found = accounts.list_account_views(
            session, current_container().services, user_id=user_id, provider=platform
        )
    serialized = [serialize_account(each) for each in found]
    first_fields = (
        {key: serialized[0][key] for key in ("displayName", "avatarUrl", "scope")}
        if serialized
        else {}
    )
    return ok(connected=bool(serialized), **first_fields, accounts=serialized)


@blueprint.post(f"/api/platforms/{PLATFORM_URL_PARAM}/disconnect")
@blueprint.post(f"/api/{PLATFORM_URL_PARAM}/disconnect")
@blueprint.post(f"/api/auth/{PLATFORM_URL_PARAM}/disconnect")
@require_scopes("accounts:write")
@validate_body(DisconnectRequest)
def disconnect_account(platform: str, body: DisconnectRequest) -> dict[str, Any]:
    """Let an account go: tokens are wiped, the platform is told, history stays unless `erase`."""
    try:
        result = accounts.disconnect_account(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
            account_id=body.account_id,
            erase=body.erase,
            queued_posts=body.queued,
        )
    except (CoreError, DatabaseUnavailable):
        raise
    except Exception as error:
        log.exception("disconnect.failed", platform=platform)
        raise OperationFailed("it was not brought to an end", code="disconnect_failed") from error
    return ok(
        revoked=result.is_revoked,
        heldPosts=result.parked_posts,
        cancelledPosts=result.cancelled_posts,
    )


@blueprint.post("/api/workers/token-refresh")
@require_worker
def refresh_due_tokens() -> dict[str, Any]:
    """Refresh what is due now, for at most a minute; the workers do the rest by themselves."""
    result = accounts.refresh_due_accounts(
        current_container().database, current_container().services
    )
    message = f"{result.refreshed} of {result.total} tokens refreshed"
    return ok(message=message, result=swept_shown(result))


@blueprint.get("/api/workers/token-refresh")
def describe_token_refresh() -> dict[str, str]:
    """What this worker is. Changes nothing."""
    message = "POST refreshes the tokens that are due"
    return {"status": "ok", "worker": "token-refresh-scheduler", "message": message}


def serialize_platform(state: accounts.PlatformView) -> dict[str, Any]:
    return {
        "platform": state.platform,
        "configured": state.is_configured,
        "missing": list(state.missing_settings),
        "features": dict(state.features),
        "connected": bool(state.accounts),
        "health": state.health,
        "accounts": [serialize_account(each) for each in state.accounts],
    }


def serialize_account(account: accounts.AccountView) -> dict[str, Any]:
    texts = find_message(account.cause or "", current_locale())
    return {
        "id": account.id,
        "displayName": account.display_name,
        "avatarUrl": account.avatar_url,
        "scope": ",".join(account.scopes),
        "missingScopes": list(account.missing_scopes),
        "state": account.status,
        "cause": account.cause,
        "userMessage": texts and texts.message,
        "suggestion": texts and texts.suggestion,
        "tokenExpiresAt": account.expires_at,
        "tokenHealth": account.health,
        "tokenRenewedAt": account.renewed_at,
        "tokenRenewsAt": account.renews_at,
        "tokenFault": account.refresh_error and public_error_code(account.refresh_error),
        "connectionEndsAt": account.ends_at,
        "needsReconnect": account.needs_reconnect,
        "canPublishDirect": account.is_active and account.features.get("directPost", False),
    }
