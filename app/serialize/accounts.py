"""Accounts and platforms as the API shows them. A platform's own error texts are never included."""

from collections.abc import Sequence
from typing import Any

from app.http.i18n import current_locale
from app.http.messages import LOCALES, find_message, load_messages
from core.accounts import (
    AccountView,
    DestinationView,
    PlatformView,
    RefreshSummary,
    UnavailableDestination,
)
from platforms.registry import PLATFORMS

UNKNOWN_ERROR_CODE = "platform_error"


def serialize_platform(view: PlatformView) -> dict[str, Any]:
    return {
        "platform": view.platform,
        "configured": view.is_configured,
        "missing": list(view.missing_settings),
        "features": dict(view.features),
        "connected": bool(view.accounts),
        "health": view.health,
        "accounts": [serialize_account(account) for account in view.accounts],
    }


def serialize_status(platform: str, views: Sequence[AccountView]) -> dict[str, Any]:
    """The logins of one platform, newest first; the newest also in the top-level fields."""
    logins = [serialize_account(view) for view in views]
    newest = logins[0] if logins else None
    shapes = PLATFORMS[platform].account_shapes
    if shapes is not None:
        chosen = (item for item in (newest or {}).get("destinations", ()) if item["selected"])
        top_level = shapes.to_status_fields(newest, next(chosen, None))
    elif newest is not None:
        top_level = {key: newest[key] for key in ("displayName", "avatarUrl", "scope")}
    else:
        top_level = {}
    return {"connected": bool(logins), **top_level, "accounts": logins}


def serialize_account(account: AccountView) -> dict[str, Any]:
    """One login; what it opens only where the platform does not post to logins themselves."""
    texts = find_message(account.cause or "", current_locale())
    opened = (
        {}
        if account.destinations is None
        else {
            "needsChoice": account.needs_choice,
            "destinations": [
                serialize_destination(account.provider, item) for item in account.destinations
            ],
            "unavailable": [serialize_unavailable(item) for item in account.unavailable],
        }
    )
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
        **opened,
    }


def serialize_destination(platform: str, view: DestinationView) -> dict[str, Any]:
    """One account that can be posted to, with the platform's own names of its fields beside ours.

    The words with which a platform refused a subscription are on the page, not here.
    """
    texts = find_message(view.cause or "", current_locale())
    subscription = view.subscription
    error_code = subscription.error_code
    fields = {
        "id": view.id,
        "externalId": view.external_id,
        "name": view.name,
        "handle": view.handle,
        "avatarUrl": view.avatar_url,
        "accountType": view.account_type,
        "accessLevel": view.access_level,
        "state": view.status,
        "cause": view.cause,
        "userMessage": texts and texts.message,
        "suggestion": texts and texts.suggestion,
        "selected": view.is_selected,
        "needsReconnect": view.is_lost,
        "webhooks": {
            "subscribedAt": subscription.subscribed_at,
            "checkedAt": subscription.checked_at,
            "error": error_code and public_error_code(error_code),
        },
        "details": dict(view.details),
    }
    shapes = PLATFORMS[platform].account_shapes
    return fields if shapes is None else {**fields, **shapes.to_account_fields(fields)}


def serialize_unavailable(item: UnavailableDestination) -> dict[str, Any]:
    texts = find_message(item.reason, current_locale())
    return {
        "externalId": item.external_id,
        "name": item.name,
        "cause": item.reason,
        "userMessage": texts and texts.message,
        "suggestion": texts and texts.suggestion,
    }


def serialize_refresh_result(result: RefreshSummary) -> dict[str, Any]:
    """The result of one refresh run; `error` is one of the codes explained in `app/texts/`."""
    errors = [
        {
            "accountId": failure.account_id,
            "provider": failure.provider,
            "error": public_error_code(failure.code),
        }
        for failure in result.failures
    ]
    return {
        "total": result.total,
        "refreshed": result.refreshed,
        "failed": len(errors),
        "skipped": result.skipped,
        "errors": errors,
    }


def public_error_code(code: str) -> str:
    """Return the code if we have a text for it: any other one may be a text of the platform."""
    return code if code in load_messages(LOCALES[0]) else UNKNOWN_ERROR_CODE
