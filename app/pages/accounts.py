"""Pages of connected accounts: connect, see how they stand, let one go. Decides nothing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.connect import PLATFORM, page_of
from app.context import caller, house, page
from app.envelope import locale
from app.errors import OAUTH
from app.words import Words, words
from core import accounts, posts
from core.accounts import Standing, State

blueprint = Blueprint("account_pages", __name__)

CAUSES = {
    "revoked": "TikTok has ended the connection. Connect the account again to go on.",
    "rotation_lost": "TikTok's answer to a renewal got lost. Connect the account again.",
    "crypto_error": "The stored token cannot be read. The operator has been told.",
}
"""What to tell a person; every other cause is said in general words."""

ENDED = "The connection no longer works. Connect the account again to go on."


@blueprint.get(f"/platforms/connect/{PLATFORM}")
@page("accounts:read")
def connect(platform: str) -> str:
    """How my accounts of one platform stand, and the way to another one."""
    with house().database.transaction() as session:
        states = accounts.platforms(session, house().world, user_id=caller().user_id)
    state = next((each for each in states if each.platform == platform), None)
    return render_template("connect.html", **shown(platform, state))


@blueprint.post("/platforms/tiktok/disconnect/<int:account_id>")
@page("accounts:write")
def disconnect(account_id: int) -> Response:
    """Let one go, with what is to become of its waiting posts and of its history."""
    accounts.disconnect(
        house().database,
        house().world,
        user_id=caller().user_id,
        provider="tiktok",
        account_id=account_id,
        erase="erase" in request.form,
        queued="cancel" if request.form.get("queued") == "cancel" else "hold",
    )
    flash("The account is disconnected and its tokens are erased.", "good")
    return redirect(page_of("tiktok"))


def shown(platform: str, state: State | None) -> dict[str, Any]:
    found = state.accounts if state else ()
    switch = "1" if found else None
    app = house().settings.apps.get(platform)
    return {
        "missing": () if state and state.configured else (state.missing if state else ("nothing",)),
        "accounts": [account(each) for each in found],
        "connected": next((account(one) for one in found if str(one.id) == arrived()), None),
        "fault": fault(),
        "reference": request.args.get("ref") if known_reference() else None,
        "scopes": app.scopes if app else (),
        "start": url_for("connect.start", platform=platform, switch=switch),
    }


def account(one: Standing) -> dict[str, Any]:
    cause = CAUSES.get(one.cause or "", ENDED) if one.needs_reconnect else None
    return {
        "id": one.id,
        "name": name(one),
        "status": one.status,
        "cause": cause,
        "scope": one.scopes,
        "missing_scopes": one.missing_scopes,
        "expires_at": one.expires_at,
    }


def with_quota(one: Standing) -> dict[str, Any]:
    """An account and how many posts it may still send today."""
    left = posts.left(house().database, house().world, user_id=caller().user_id, account_id=one.id)
    return {**account(one), "quota": left.drafts, "direct": left.direct}


def name(one: Standing) -> str:
    return one.display_name or one.open_id


def arrived() -> str | None:
    """The account that was just connected; its name comes from the database, never from here."""
    return request.args.get("account") if request.args.get("success") == "true" else None


def fault() -> Words | None:
    """Words for a code of the catalogue; an unknown one gets the general ones."""
    code = request.args.get("error")
    if code is None:
        return None
    return words(code if code in OAUTH else "unknown_error", locale())


def known_reference() -> bool:
    """Only what looks like a request id of ours is repeated on the page."""
    return request.args.get("ref", "").isalnum() and len(request.args["ref"]) <= 64  # noqa: PLR2004 - a request id
