"""Accounts and platforms as the API shows them. A platform's own error texts are never included."""

from typing import Any

from app.http.i18n import current_locale
from app.http.messages import LOCALES, find_message, load_messages
from core.accounts import AccountView, PlatformView, RefreshSummary

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


def serialize_account(account: AccountView) -> dict[str, Any]:
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
