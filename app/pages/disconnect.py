"""Pages to disconnect an account: what is kept and erased, and the choice about waiting posts."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.account_cards import load_waiting_counts
from app.pages.account_view import account_fields, account_name, find_platform
from core import accounts
from core.accounts import AccountView
from core.errors import NotFound
from db.posts.waiting import WaitingCounts

blueprint = Blueprint("disconnect_pages", __name__)

WRONG_NAME_TEXT = gettext_noop("To erase the history, type the name of the account: %(name)s.")
DISCONNECTED_TEXT = gettext_noop("The account is disconnected and its tokens are erased.")
ERASED_TEXT = gettext_noop("The account is disconnected. Its tokens and its history are erased.")


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def confirm_disconnect(platform: str, account_id: int) -> str:
    """Show what disconnecting an account does, and the form to confirm it."""
    return render_confirmation(find_account(platform, account_id))


@blueprint.post(f"/platforms/{PLATFORM_URL_PARAM}/disconnect/<int:account_id>")
@require_login("accounts:write")
def disconnect_account(platform: str, account_id: int) -> Response | tuple[str, int]:
    """Disconnect an account; hold or cancel its waiting posts, keep or erase its history.

    The history is erased only if the name of the account was typed: that cannot be undone.
    """
    view = find_account(platform, account_id)
    erase = "erase" in request.form
    if erase and request.form.get("name", "").strip() != account_name(view).strip():
        text = translate_text(WRONG_NAME_TEXT, name=account_name(view))
        return render_confirmation(view, error_text=text), 400
    accounts.disconnect_account(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        provider=platform,
        account_id=account_id,
        erase=erase,
        queued_posts="cancel" if request.form.get("queued") == "cancel" else "hold",
    )
    flash(translate_text(ERASED_TEXT if erase else DISCONNECTED_TEXT), "good")
    return redirect(url_for("account_pages.list_accounts"))


def find_account(platform: str, account_id: int) -> AccountView:
    """Return one of the user's connected accounts. Errors: NotFound."""
    platform_view = find_platform(platform)
    views = platform_view.accounts if platform_view else ()
    account = next((view for view in views if view.id == account_id), None)
    if account is None:
        raise NotFound(f"there is no account {account_id}")
    return account


def render_confirmation(view: AccountView, *, error_text: str | None = None) -> str:
    fields: dict[str, Any] = {
        **account_fields(view),
        "waiting": load_waiting_counts().get(view.id, WaitingCounts()),
    }
    return render_template("disconnect.html", account=fields, error_text=error_text)
