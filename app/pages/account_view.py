"""Accounts and platforms as the fields that templates show."""

from typing import Any

from app.http.context import current_container, current_principal
from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.http.replica_reads import reading_database
from app.pages.avatars import avatar_url
from app.pages.badges import PLATFORM_BADGES, account_badge, localize_badge
from app.pages.brands import describe_scope, platform_title
from core import accounts
from core.accounts import AccountView, PlatformView
from core.accounts.view import AccountHealth
from platforms.registry import PLATFORMS

RECONNECT_TEXT = gettext_noop("The connection no longer works. Connect the account again to go on.")


def load_platforms() -> list[PlatformView]:
    """Load all platforms with the current user's accounts."""
    with reading_database().transaction() as session:
        return accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )


def find_platform(platform: str) -> PlatformView | None:
    return next((view for view in load_platforms() if view.platform == platform), None)


def platform_fields(view: PlatformView) -> dict[str, Any]:
    return {
        "code": view.platform,
        "css_class": PLATFORMS[view.platform].brand.css_class,
        "name": platform_title(view.platform),
        "badge": localize_badge(PLATFORM_BADGES[view.health]),
        "is_off": not view.is_configured,
        "accounts": [account_fields(account) for account in view.accounts],
    }


def account_fields(view: AccountView) -> dict[str, Any]:
    return {
        "id": view.id,
        "platform": view.provider,
        "platform_name": platform_title(view.provider),
        "name": account_name(view),
        "avatar": avatar_url(view.id, None, view.picture_digest),
        "badge": account_badge(view),
        "reconnect_reason": reconnect_reason(view) if view.needs_reconnect else None,
        "needs_reconnect": view.needs_reconnect,
        "granted_permissions": [describe_scope(view.provider, scope) for scope in view.scopes],
        "missing_permissions": [
            describe_scope(view.provider, scope) for scope in view.missing_scopes
        ],
        "expires_at": view.expires_at,
        "ends_at": view.ends_at if view.health == AccountHealth.ENDING else None,
    }


def account_name(view: AccountView) -> str:
    return view.display_name or view.open_id


def reconnect_reason(view: AccountView) -> str:
    """Why the account has to be connected again, and what to do."""
    message = find_message(view.cause or "", current_locale())
    return f"{message.message} {message.suggestion}" if message else translate_text(RECONNECT_TEXT)
