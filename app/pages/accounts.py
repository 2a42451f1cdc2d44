"""Pages of connected accounts: connect, see how they stand, let one go. Decides nothing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM, connect_page_path
from app.http.context import current_container, current_principal, require_login
from app.http.errors import OAUTH_ERRORS
from app.http.i18n import current_locale, gettext_noop, translate
from app.http.messages import UserMessage, find_message, get_message
from app.pages.badges import PLATFORM_BADGES, PLATFORM_NAMES, account_badge, localize_badge
from core import accounts, publishing
from core.accounts import AccountView, PlatformView
from core.accounts.view import AccountHealth
from core.errors import NotFound

blueprint = Blueprint("account_pages", __name__)

RECONNECT_TEXT = gettext_noop("The connection no longer works. Connect the account again to go on.")
SCOPE_TEXTS = {
    "user.info.basic": gettext_noop("see your name and picture"),
    "user.info.profile": gettext_noop("see your profile"),
    "user.info.stats": gettext_noop("see how many follow you"),
    "video.upload": gettext_noop("put drafts into your TikTok inbox"),
    "video.publish": gettext_noop("post for you"),
    "video.list": gettext_noop("see your videos and their figures"),
}
"""Permissions in words; one that is missing here is shown by its own name."""


@blueprint.get("/platforms")
@require_login("accounts:read")
def list_accounts() -> str:
    """All my accounts, platform by platform."""
    return render_template(
        "platforms.html", platforms=[platform_fields(state) for state in load_platforms()]
    )


@blueprint.get("/platforms/connect")
@require_login("accounts:read")
def choose_platform() -> str:
    """What can be connected here, and how each stands."""
    return render_template(
        "connects.html", platforms=[platform_fields(state) for state in load_platforms()]
    )


@blueprint.get(f"/platforms/connect/{PLATFORM_URL_PARAM}")
@require_login("accounts:read")
def show_platform(platform: str) -> str:
    """How my accounts of one platform stand, and the way to another one."""
    state = next((each for each in load_platforms() if each.platform == platform), None)
    return render_template("connect.html", **platform_page_fields(platform, state))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def confirm_disconnect(platform: str, account_id: int) -> str:
    """What it means to let this one go, before it is done."""
    state = next((each for each in load_platforms() if each.platform == platform), None)
    matches = [view for view in (state.accounts if state else ()) if view.id == account_id]
    if not matches:
        raise NotFound("no such account")
    return render_template("disconnect.html", account=account_fields(matches[0]))


@blueprint.post(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def disconnect_account(platform: str, account_id: int) -> Response:
    """Let one go, with what is to become of its waiting posts and of its history."""
    accounts.disconnect_account(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
        account_id=account_id,
        erase="erase" in request.form,
        queued_posts="cancel" if request.form.get("queued") == "cancel" else "hold",
    )
    flash(translate("The account is disconnected and its tokens are erased."), "good")
    return redirect(connect_page_path(platform))


def load_platforms() -> list[PlatformView]:
    with current_container().database.transaction() as session:
        return accounts.list_platform_views(
            session, current_container().services, user_id=current_principal().user_id
        )


def platform_fields(state: PlatformView) -> dict[str, Any]:
    return {
        "code": state.platform,
        "name": PLATFORM_NAMES[state.platform],
        "look": localize_badge(PLATFORM_BADGES[state.health]),
        "is_off": not state.is_configured,
        "accounts": [account_fields(each) for each in state.accounts],
    }


def platform_page_fields(platform: str, state: PlatformView | None) -> dict[str, Any]:
    views = state.accounts if state else ()
    app = current_container().settings.apps.get(platform)
    return {
        "code": platform,
        "platform": PLATFORM_NAMES[platform],
        "others": [each for each in PLATFORM_NAMES.items() if each[0] != platform],
        "is_off": state is None or not state.is_configured,
        "missing": state.missing_settings if state else (),
        "accounts": [account_fields(each) for each in views],
        "connected": next(
            (account_fields(view) for view in views if str(view.id) == connected_account_id()), None
        ),
        "fault": find_oauth_message(),
        "reference": request.args.get("ref") if has_valid_reference() else None,
        "allows": [scope_label(scope) for scope in (app.scopes if app else ())],
        "start": url_for("connect.start", platform=platform, switch="1" if views else None),
        "again": url_for("connect.start", platform=platform),
    }


def account_fields(view: AccountView) -> dict[str, Any]:
    return {
        "id": view.id,
        "platform": view.provider,
        "platform_name": PLATFORM_NAMES[view.provider],
        "name": account_name(view),
        "avatar": view.avatar_url,
        "look": account_badge(view),
        "cause": reconnect_reason(view) if view.needs_reconnect else None,
        "needs_reconnect": view.needs_reconnect,
        "can_direct": view.features.get("directPost", False),
        "granted": [scope_label(scope) for scope in view.scopes],
        "missing": [scope_label(scope) for scope in view.missing_scopes],
        "expires_at": view.expires_at,
        "ends_at": view.ends_at if view.health == AccountHealth.ENDING else None,
    }


def reconnect_reason(view: AccountView) -> str:
    """Why it has to be connected again, and what to do."""
    message = find_message(view.cause or "", current_locale())
    return f"{message.message} {message.suggestion}" if message else translate(RECONNECT_TEXT)


def scope_label(scope: str) -> tuple[str, str]:
    """A permission by its name, and in words."""
    return scope, translate(SCOPE_TEXTS[scope]) if scope in SCOPE_TEXTS else scope


def account_fields_with_quota(view: AccountView) -> dict[str, Any]:
    """An account and how many posts it may still send today."""
    remaining = publishing.get_remaining_quota(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        account_id=view.id,
    )
    return {**account_fields(view), "quota": remaining.drafts, "direct": remaining.direct}


def account_name(view: AccountView) -> str:
    return view.display_name or view.open_id


def connected_account_id() -> str | None:
    """The account that was just connected; its name comes from the database, never from here."""
    return request.args.get("account") if request.args.get("success") == "true" else None


def find_oauth_message() -> UserMessage | None:
    """Words for a code of the catalogue; an unknown one gets the general ones."""
    code = request.args.get("error")
    if code is None:
        return None
    return get_message(code if code in OAUTH_ERRORS else "unknown_error", current_locale())


def has_valid_reference() -> bool:
    """Only what looks like a request id of ours is repeated on the page."""
    return request.args.get("ref", "").isalnum() and len(request.args["ref"]) <= 64
