"""Pages of connected accounts: list, connect, show and disconnect them."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM, connect_page_path
from app.http.context import current_container, current_principal, require_login
from app.http.errors import OAUTH_ERRORS
from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import UserMessage, find_message, get_message
from app.pages.avatars import avatar_url
from app.pages.badges import PLATFORM_BADGES, account_badge, localize_badge
from app.pages.brands import (
    describe_scope,
    list_platform_titles,
    list_requirements,
    platform_title,
)
from app.pages.destinations import destination_page_fields
from app.pages.quota_view import load_quota_fields
from core import accounts
from core.accounts import AccountView, PlatformView
from core.accounts.view import AccountHealth
from core.errors import NotFound
from core.publishing.quota import Quota
from platforms.registry import PLATFORMS

blueprint = Blueprint("account_pages", __name__)

MAX_REFERENCE_CHARS = 64
RECONNECT_TEXT = gettext_noop("The connection no longer works. Connect the account again to go on.")


@blueprint.get("/platforms")
@require_login("accounts:read")
def list_accounts() -> str:
    """List my accounts by platform."""
    return render_template(
        "accounts.html", platforms=[platform_fields(view) for view in load_platforms()]
    )


@blueprint.get("/platforms/connect")
@require_login("accounts:read")
def choose_platform() -> str:
    """List the platforms that an account can be connected at."""
    return render_template(
        "choose_platform.html", platforms=[platform_fields(view) for view in load_platforms()]
    )


@blueprint.get(f"/platforms/connect/{PLATFORM_URL_PARAM}")
@require_login("accounts:read")
def show_platform(platform: str) -> str:
    """Show my accounts of one platform, and the button to connect another one."""
    return render_template(
        "platform.html", **platform_page_fields(platform, find_platform(platform))
    )


@blueprint.post(f"/platforms/connect/{PLATFORM_URL_PARAM}")
@require_login("accounts:write")
def select_destinations(platform: str) -> Response:
    """Choose which of the accounts behind my logins are posted to."""
    accounts.select_destinations(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
        destination_ids=request.form.getlist("account", type=int),
    )
    flash(translate_text("Your choice of accounts is saved."), "good")
    return redirect(connect_page_path(platform))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def confirm_disconnect(platform: str, account_id: int) -> str:
    """Show what disconnecting an account does, and the form to confirm it."""
    platform_view = find_platform(platform)
    account_views = platform_view.accounts if platform_view else ()
    account = next((view for view in account_views if view.id == account_id), None)
    if account is None:
        raise NotFound(f"there is no account {account_id}")
    return render_template("disconnect.html", account=account_fields(account))


@blueprint.post(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def disconnect_account(platform: str, account_id: int) -> Response:
    """Disconnect an account; keep or cancel its waiting posts, keep or erase its history."""
    accounts.disconnect_account(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
        account_id=account_id,
        erase="erase" in request.form,
        queued_posts="cancel" if request.form.get("queued") == "cancel" else "hold",
    )
    flash(translate_text("The account is disconnected and its tokens are erased."), "good")
    return redirect(connect_page_path(platform))


def load_platforms() -> list[PlatformView]:
    """Load all platforms with the current user's accounts."""
    with current_container().database.transaction() as session:
        return accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )


def find_platform(platform: str) -> PlatformView | None:
    return next((view for view in load_platforms() if view.platform == platform), None)


def platform_fields(view: PlatformView) -> dict[str, Any]:
    return {
        "code": view.platform,
        "name": platform_title(view.platform),
        "badge": localize_badge(PLATFORM_BADGES[view.health]),
        "is_off": not view.is_configured,
        "accounts": [account_fields(account) for account in view.accounts],
    }


def platform_page_fields(platform: str, view: PlatformView | None) -> dict[str, Any]:
    account_views = view.accounts if view else ()
    requested = accounts.requested_scopes(current_container().services, platform)
    return {
        "platform": platform,
        "platform_name": platform_title(platform),
        "css_class": PLATFORMS[platform].brand.css_class,
        "other_platforms": [item for item in list_platform_titles() if item[0] != platform],
        "is_off": view is None or not view.is_configured,
        "missing_settings": view.missing_settings if view else (),
        "accounts": [account_fields(account) for account in account_views],
        "new_account": find_new_account(account_views),
        "oauth_error": find_oauth_message(),
        "is_destination_missing": is_destination_missing(platform),
        "reference": request.args.get("ref") if has_valid_reference() else None,
        "requested_permissions": [describe_scope(platform, scope) for scope in requested],
        "requirements": list_requirements(platform),
        "requirements_url": PLATFORMS[platform].brand.requirements_url,
        **destination_page_fields(account_views),
        "connect_url": url_for(
            "oauth.start_connection", platform=platform, switch="1" if account_views else None
        ),
        "reconnect_url": url_for("oauth.start_connection", platform=platform),
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


def account_fields_with_quota(view: AccountView) -> dict[str, Any]:
    """The fields of an account and what is left of its limits, label by label."""
    return {**account_fields(view), "quotas": load_account_quotas(view)}


def load_account_quotas(view: AccountView) -> list[tuple[str, Quota]]:
    """Load the limits of a login, or of what is posted to behind it, by their labels."""
    if view.destinations is None:
        return list(load_quota_fields(view.provider, account_id=view.id)["gauges"])
    chosen = [item for item in view.destinations if item.is_selected and not item.is_lost]
    return [
        (f"{item.name}, {label}" if len(chosen) > 1 else label, quota)
        for item in chosen
        for label, quota in load_quota_fields(view.provider, destination_id=item.id)["gauges"]
    ]


def account_name(view: AccountView) -> str:
    return view.display_name or view.open_id


def reconnect_reason(view: AccountView) -> str:
    """Why the account has to be connected again, and what to do."""
    message = find_message(view.cause or "", current_locale())
    return f"{message.message} {message.suggestion}" if message else translate_text(RECONNECT_TEXT)


def find_new_account(account_views: tuple[AccountView, ...]) -> dict[str, Any] | None:
    """The account that was just connected, by the id in the query string.

    Its name is read from the database, never from the address.
    """
    if request.args.get("success") != "true":
        return None
    account_id = request.args.get("account")
    view = next((view for view in account_views if str(view.id) == account_id), None)
    return account_fields(view) if view else None


def find_oauth_message() -> UserMessage | None:
    """The text for the error code in the query string; an unknown code gets the general text."""
    code = request.args.get("error")
    if code is None:
        return None
    return get_message(code if code in OAUTH_ERRORS else "unknown_error", current_locale())


def is_destination_missing(platform: str) -> bool:
    """Whether the last sign-in opened no account that can be posted to."""
    flows = PLATFORMS[platform].flows.values()
    return request.args.get("error") in {rules.no_destination_code for rules in flows}


def has_valid_reference() -> bool:
    """Whether `ref` looks like one of our request ids: nothing else is repeated on the page."""
    reference = request.args.get("ref", "")
    return reference.isalnum() and len(reference) <= MAX_REFERENCE_CHARS
