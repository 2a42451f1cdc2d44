"""Pages to connect accounts, and to choose among those behind a login."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.errors import OAUTH_ERRORS
from app.http.i18n import current_locale, translate_text
from app.http.messages import UserMessage, get_message
from app.pages.account_cards import card_fields, load_waiting_counts
from app.pages.account_view import (
    account_fields,
    find_platform,
    load_platforms,
    platform_fields,
)
from app.pages.brands import (
    describe_scope,
    list_platform_titles,
    list_requirements,
    platform_title,
)
from app.pages.destinations import destination_page_fields
from app.pages.quota_view import list_quota_accounts, load_quota_fields
from core import accounts
from core.accounts import AccountView, PlatformView, ResumedPosts
from core.errors import NotFound
from core.scopes import ADMIN_SCOPE
from platforms.registry import PLATFORMS

blueprint = Blueprint("account_pages", __name__)

MAX_REFERENCE_CHARS = 64


@blueprint.get("/platforms")
@require_login("accounts:read")
def list_accounts() -> str:
    """List my accounts by platform, with their state and what they need."""
    waiting, views = load_waiting_counts(), load_platforms()
    quotas = load_quota_fields(
        account
        for view in views
        if view.is_configured
        for login in view.accounts
        for account in list_quota_accounts(login)
    )
    return render_template(
        "accounts.html",
        platforms=[
            {
                **platform_fields(view),
                "accounts": [
                    card_fields(account, waiting, quotas)
                    for account in view.accounts
                    if view.is_configured
                ],
                "missing_settings": view.missing_settings if is_operator() else (),
            }
            for view in views
        ],
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
    return redirect(url_for("account_pages.list_accounts"))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/choose")
@require_login("accounts:read")
def show_chooser(platform: str) -> str:
    """Show all accounts behind my logins, those to choose among and those that cannot be used."""
    view = find_platform(platform)
    account_views = view.accounts if view else ()
    fields = destination_page_fields(account_views)
    if not (fields["destinations"] or fields["unavailable"]):
        raise NotFound(f"no accounts of {platform} were found")
    return render_template(
        "choose_accounts.html",
        platform=platform,
        platform_name=platform_title(platform),
        css_class=PLATFORMS[platform].brand.css_class,
        new_account=find_new_account(account_views),
        reconnect_url=url_for("oauth.start_connection", platform=platform),
        **fields,
    )


def is_operator() -> bool:
    """Whether the names of missing settings help: only operators can set them."""
    return ADMIN_SCOPE in current_principal().scopes


def platform_page_fields(platform: str, view: PlatformView | None) -> dict[str, Any]:
    account_views = view.accounts if view else ()
    requested = accounts.requested_scopes(current_container().services, platform)
    return {
        "platform": platform,
        "platform_name": platform_title(platform),
        "css_class": PLATFORMS[platform].brand.css_class,
        "other_platforms": [item for item in list_platform_titles() if item[0] != platform],
        "is_off": view is None or not view.is_configured,
        "missing_settings": view.missing_settings if view and is_operator() else (),
        "accounts": [account_fields(account) for account in account_views],
        "new_account": (new_account := find_new_account(account_views)),
        "resumed": load_resumed_posts(new_account["id"]) if new_account else None,
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


def find_new_account(account_views: tuple[AccountView, ...]) -> dict[str, Any] | None:
    """The account that was just connected, by the id in the query string.

    Its name is read from the database, never from the address.
    """
    if request.args.get("success") != "true":
        return None
    account_id = request.args.get("account")
    view = next((view for view in account_views if str(view.id) == account_id), None)
    return account_fields(view) if view else None


def load_resumed_posts(account_id: int) -> ResumedPosts:
    """Load the posts that go out because this account was connected, and those on hold."""
    with current_container().database.transaction() as session:
        return accounts.list_resumed_posts(session, account_id, user_id=current_principal().user_id)


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
