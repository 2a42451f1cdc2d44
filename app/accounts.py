"""Connected accounts: which there are, how they stand, and how to let one go."""

from typing import Annotated, Any, Literal

import structlog
from flask import Blueprint
from pydantic import ConfigDict, Field

from app.body import Body, ok, takes
from app.connect import PLATFORM
from app.context import caller, house, needs
from app.language import locale
from app.swept import safe
from app.swept import shown as swept_shown
from app.words import known
from app.workers import works
from core import accounts
from core.errors import CoreError, Failed
from db.session import StoreAway

blueprint = Blueprint("accounts", __name__)
log = structlog.get_logger(__name__)


class Goodbye(Body):
    """Taken literally: `true` is no account, and `"no"` is no word on what is erased for ever."""

    model_config = ConfigDict(strict=True)

    account_id: Annotated[int | None, Field(alias="accountId", ge=1)] = None
    erase: bool = False
    queued: Literal["hold", "cancel"] = "hold"


@blueprint.get("/api/platforms")
@needs("accounts:read")
def listing() -> dict[str, Any]:
    """Every platform: whether it is set up here, what it can do, and my accounts there."""
    with house().database.transaction() as session:
        found = accounts.platforms(session, house().world, user_id=caller().user_id)
    return ok(data=[platform_shown(each) for each in found])


@blueprint.get(f"/api/platforms/{PLATFORM}/status")
@needs("accounts:read")
def status(platform: str) -> dict[str, Any]:
    """My accounts of one platform, the newest first; the first one also at the top."""
    with house().database.transaction() as session:
        user_id = caller().user_id
        found = accounts.standing(session, house().world, user_id=user_id, provider=platform)
    shown = [account_shown(each) for each in found]
    first = {key: shown[0][key] for key in ("displayName", "avatarUrl", "scope")} if shown else {}
    return ok(connected=bool(shown), **first, accounts=shown)


@blueprint.post(f"/api/platforms/{PLATFORM}/disconnect")
@blueprint.post(f"/api/{PLATFORM}/disconnect")
@blueprint.post(f"/api/auth/{PLATFORM}/disconnect")
@needs("accounts:write")
@takes(Goodbye)
def disconnect(platform: str, body: Goodbye) -> dict[str, Any]:
    """Let an account go: tokens are wiped, the platform is told, history stays unless `erase`."""
    try:
        parting = accounts.disconnect(
            house().database,
            house().world,
            user_id=caller().user_id,
            provider=platform,
            account_id=body.account_id,
            erase=body.erase,
            queued=body.queued,
        )
    except (CoreError, StoreAway):
        raise
    except Exception as error:
        log.exception("disconnect.failed", platform=platform)
        raise Failed("it was not brought to an end", code="disconnect_failed") from error
    return ok(revoked=parting.revoked, heldPosts=parting.held, cancelledPosts=parting.cancelled)


@blueprint.post("/api/workers/token-refresh")
@works
def refresh() -> dict[str, Any]:
    """Refresh what is due now, for at most a minute; the workers do the rest by themselves."""
    swept = accounts.sweep(house().database, house().world)
    said = f"{swept.refreshed} of {swept.total} tokens refreshed"
    return ok(message=said, result=swept_shown(swept))


@blueprint.get("/api/workers/token-refresh")
def about() -> dict[str, str]:
    """What this worker is. Changes nothing."""
    said = "POST refreshes the tokens that are due"
    return {"status": "ok", "worker": "token-refresh-scheduler", "message": said}


def platform_shown(state: accounts.State) -> dict[str, Any]:
    return {
        "platform": state.platform,
        "configured": state.configured,
        "missing": list(state.missing),
        "features": dict(state.features),
        "connected": bool(state.accounts),
        "health": state.health,
        "accounts": [account_shown(each) for each in state.accounts],
    }


def account_shown(account: accounts.Standing) -> dict[str, Any]:
    said = known(account.cause or "", locale())
    return {
        "id": account.id,
        "displayName": account.display_name,
        "avatarUrl": account.avatar_url,
        "scope": ",".join(account.scopes),
        "missingScopes": list(account.missing_scopes),
        "state": account.status,
        "cause": account.cause,
        "userMessage": said and said.says,
        "suggestion": said and said.next,
        "tokenExpiresAt": account.expires_at,
        "tokenHealth": account.health,
        "tokenRenewedAt": account.renewed_at,
        "tokenRenewsAt": account.renews_at,
        "tokenFault": account.fault and safe(account.fault),
        "connectionEndsAt": account.ends_at,
        "needsReconnect": account.needs_reconnect,
        "canPublishDirect": account.is_active and account.features.get("directPost", False),
    }
