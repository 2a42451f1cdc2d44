"""Connected accounts: list them, show their status, disconnect one, refresh tokens that are due."""

from typing import Annotated, Any, Literal

import structlog
from flask import Blueprint
from pydantic import ConfigDict, Field

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import RequestModel, success_body, validate_body
from app.http.worker_auth import require_worker
from app.serialize.accounts import (
    serialize_destination,
    serialize_platform,
    serialize_refresh_result,
    serialize_status,
)
from core import accounts
from core.errors import CoreError, OperationFailed
from db.session import DatabaseUnavailable

blueprint = Blueprint("accounts", __name__)
log = structlog.get_logger(__name__)

MAX_ROW_ID = 2**63
MAX_CHOSEN_ACCOUNTS = 200


class DisconnectRequest(RequestModel):
    """Strict types: `true` is not an account id, and `"no"` must not count as a true `erase`."""

    model_config = ConfigDict(strict=True)

    account_id: Annotated[int | None, Field(alias="accountId", ge=1)] = None
    erase: bool = False
    queued: Literal["hold", "cancel"] = "hold"


class SelectRequest(RequestModel):
    """The ids of `GET /api/platforms/<platform>/accounts`; an empty list chooses none."""

    model_config = ConfigDict(strict=True)

    account_ids: Annotated[
        list[Annotated[int, Field(ge=1, lt=MAX_ROW_ID)]],
        Field(alias="accountIds", max_length=MAX_CHOSEN_ACCOUNTS),
    ]


@blueprint.get("/api/platforms")
@require_scopes("accounts:read")
def list_platforms() -> dict[str, Any]:
    """List platforms: whether each is configured, its features, and my accounts there."""
    with current_container().database.transaction() as session:
        platforms = accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )
    return success_body(data=[serialize_platform(platform) for platform in platforms])


@blueprint.get(f"/api/platforms/{PLATFORM_URL_PARAM}/status")
@require_scopes("accounts:read")
def show_platform_status(platform: str) -> dict[str, Any]:
    """Show my accounts of one platform, newest first; the newest also in the top-level fields."""
    with current_container().database.transaction() as session:
        user_id = current_principal().user_id
        views = accounts.list_account_views(
            session, current_container().services, user_id=user_id, provider=platform
        )
    return success_body(**serialize_status(platform, views))


@blueprint.get(f"/api/platforms/{PLATFORM_URL_PARAM}/accounts")
@require_scopes("accounts:read")
def list_destinations(platform: str) -> dict[str, Any]:
    """List what my logins of one platform can post to, chosen or not, with what is in the way."""
    return success_body(data=load_destinations(platform))


@blueprint.post(f"/api/platforms/{PLATFORM_URL_PARAM}/select")
@require_scopes("accounts:write")
@validate_body(SelectRequest)
def select_destinations(platform: str, body: SelectRequest) -> dict[str, Any]:
    """Choose the accounts that are posted to; those that are not named are not any more."""
    accounts.select_destinations(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
        destination_ids=body.account_ids,
    )
    return success_body(data=load_destinations(platform))


def load_destinations(platform: str) -> list[dict[str, Any]]:
    with current_container().database.transaction() as session:
        views = accounts.list_destination_views(
            session,
            current_container().services,
            user_id=current_principal().user_id,
            provider=platform,
        )
    return [serialize_destination(platform, view) for view in views]


@blueprint.post(f"/api/platforms/{PLATFORM_URL_PARAM}/disconnect")
@blueprint.post(f"/api/{PLATFORM_URL_PARAM}/disconnect")
@blueprint.post(f"/api/auth/{PLATFORM_URL_PARAM}/disconnect")
@require_scopes("accounts:write")
@validate_body(DisconnectRequest)
def disconnect_account(platform: str, body: DisconnectRequest) -> dict[str, Any]:
    """Disconnect an account: erase its tokens and revoke the grant; keep history unless `erase`."""
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
        log.exception("account.disconnect_failed", platform=platform)
        raise OperationFailed(
            "the account was not disconnected completely; try again", code="disconnect_failed"
        ) from error
    return success_body(
        revoked=result.is_revoked,
        heldPosts=result.parked_posts,
        cancelledPosts=result.cancelled_posts,
    )


@blueprint.post("/api/workers/token-refresh")
@require_worker
def refresh_due_tokens() -> dict[str, Any]:
    """Refresh the tokens that are due, for at most a minute; workers refresh the rest."""
    result = accounts.refresh_due_accounts(
        current_container().database, current_container().services
    )
    message = f"{result.refreshed} of {result.total} tokens refreshed"
    return success_body(message=message, result=serialize_refresh_result(result))


@blueprint.get("/api/workers/token-refresh")
def describe_token_refresh() -> dict[str, str]:
    """Describe the token refresh worker; changes nothing."""
    message = "POST with WORKER_SECRET to refresh the tokens that are due"
    return {"status": "ok", "worker": "token-refresh-scheduler", "message": message}
