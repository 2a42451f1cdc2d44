"""Pages of connected accounts: connect, see how they stand, let one go. Decides nothing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.connect import PLATFORM, page_of
from app.context import caller, house, page
from app.errors import OAUTH
from app.language import later, locale, say
from app.pages.looks import NAMES, PLATFORMS, account_look, spoken
from app.words import Words, known, words
from core import accounts, posts
from core.accounts import Standing, State
from core.accounts.health import Health
from core.errors import NotFound

blueprint = Blueprint("account_pages", __name__)

ENDED = later("The connection no longer works. Connect the account again to go on.")
ALLOWS = {
    "user.info.basic": later("see your name and picture"),
    "user.info.profile": later("see your profile"),
    "user.info.stats": later("see how many follow you"),
    "video.upload": later("put drafts into your TikTok inbox"),
    "video.publish": later("post for you"),
    "video.list": later("see your videos and their figures"),
}
"""Permissions in words; one that is missing here is shown by its own name."""


@blueprint.get("/platforms")
@page("accounts:read")
def overview() -> str:
    """All my accounts, platform by platform."""
    return render_template("platforms.html", platforms=[platform_shown(one) for one in mine()])


@blueprint.get("/platforms/connect")
@page("accounts:read")
def choose() -> str:
    """What can be connected here, and how each stands."""
    return render_template("connects.html", platforms=[platform_shown(one) for one in mine()])


@blueprint.get(f"/platforms/connect/{PLATFORM}")
@page("accounts:read")
def connect(platform: str) -> str:
    """How my accounts of one platform stand, and the way to another one."""
    state = next((each for each in mine() if each.platform == platform), None)
    return render_template("connect.html", **shown(platform, state))


@blueprint.get(f"/platforms/{PLATFORM}/disconnect/<int:account_id>")
@page("accounts:write")
def parting(platform: str, account_id: int) -> str:
    """What it means to let this one go, before it is done."""
    state = next((each for each in mine() if each.platform == platform), None)
    found = [one for one in (state.accounts if state else ()) if one.id == account_id]
    if not found:
        raise NotFound("no such account")
    return render_template("disconnect.html", account=account(found[0]))


@blueprint.post(f"/platforms/{PLATFORM}/disconnect/<int:account_id>")
@page("accounts:write")
def disconnect(platform: str, account_id: int) -> Response:
    """Let one go, with what is to become of its waiting posts and of its history."""
    accounts.disconnect(
        house().database,
        house().world,
        user_id=caller().user_id,
        provider=platform,
        account_id=account_id,
        erase="erase" in request.form,
        queued="cancel" if request.form.get("queued") == "cancel" else "hold",
    )
    flash(say("The account is disconnected and its tokens are erased."), "good")
    return redirect(page_of(platform))


def mine() -> list[State]:
    with house().database.transaction() as session:
        return accounts.platforms(session, house().world, user_id=caller().user_id)


def platform_shown(state: State) -> dict[str, Any]:
    return {
        "code": state.platform,
        "name": NAMES[state.platform],
        "look": spoken(PLATFORMS[state.health]),
        "is_off": not state.configured,
        "accounts": [account(each) for each in state.accounts],
    }


def shown(platform: str, state: State | None) -> dict[str, Any]:
    found = state.accounts if state else ()
    app = house().settings.apps.get(platform)
    return {
        "code": platform,
        "platform": NAMES[platform],
        "others": [each for each in NAMES.items() if each[0] != platform],
        "is_off": state is None or not state.configured,
        "missing": state.missing if state else (),
        "accounts": [account(each) for each in found],
        "connected": next((account(one) for one in found if str(one.id) == arrived()), None),
        "fault": fault(),
        "reference": request.args.get("ref") if known_reference() else None,
        "allows": [allowed(scope) for scope in (app.scopes if app else ())],
        "start": url_for("connect.start", platform=platform, switch="1" if found else None),
        "again": url_for("connect.start", platform=platform),
    }


def account(one: Standing) -> dict[str, Any]:
    return {
        "id": one.id,
        "platform": one.provider,
        "platform_name": NAMES[one.provider],
        "name": name(one),
        "avatar": one.avatar_url,
        "look": account_look(one),
        "cause": cause(one) if one.needs_reconnect else None,
        "needs_reconnect": one.needs_reconnect,
        "can_direct": one.features.get("directPost", False),
        "granted": [allowed(scope) for scope in one.scopes],
        "missing": [allowed(scope) for scope in one.missing_scopes],
        "expires_at": one.expires_at,
        "ends_at": one.ends_at if one.health == Health.ENDING else None,
    }


def cause(one: Standing) -> str:
    """Why it has to be connected again, and what to do."""
    said = known(one.cause or "", locale())
    return f"{said.says} {said.next}" if said else say(ENDED)


def allowed(scope: str) -> tuple[str, str]:
    """A permission by its name, and in words."""
    return scope, say(ALLOWS[scope]) if scope in ALLOWS else scope


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
