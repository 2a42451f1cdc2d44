"""The page of API keys: which there are, make one, revoke one. The key is shown this once."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.context import caller, house, page
from app.language import later, say
from core.errors import Invalid
from core.people import keys
from core.people.callers import SCOPES
from db.keys import ApiKey
from platforms.secret import Secret

blueprint = Blueprint("key_pages", __name__)

LONGEST_NAME = 100
MEANS = {
    "accounts:read": later("see connected accounts"),
    "accounts:write": later("disconnect accounts"),
    "posts:read": later("see posts"),
    "posts:write": later("post, cancel, try again"),
    "media:write": later("upload files"),
    "insights:read": later("see figures"),
    "comments:write": later("answer and hide comments"),
    "workers:run": later("start workers by hand"),
    "admin": later("everything operators may see"),
}
LIFETIMES = {
    "30": later("30 days"),
    "90": later("90 days"),
    "365": later("a year"),
    "": later("until it is revoked"),
}
NAMELESS = later("Give the key a name of at most 100 characters.")
SCOPELESS = later("Choose at least one permission that you have yourself.")


@blueprint.get("/settings/keys")
@page()
def listing() -> str:
    """My keys, newest first, without their secrets."""
    return shown()


@blueprint.post("/settings/keys")
@page()
def make() -> str | tuple[str, int]:
    """A new key with some of my own scopes; what is shown once stands in this answer only."""
    name, wanted = request.form.get("name", "").strip(), request.form.getlist("scope")
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name:
        return shown(fault=say(NAMELESS)), 400
    try:
        with house().database.transaction() as session:
            row, key = keys.make(
                session,
                caller().user_id,
                name=name,
                scopes=wanted,
                allowed=mine(),
                expires_at=until(request.form.get("lifetime", "")),
            )
    except Invalid:
        return shown(fault=say(SCOPELESS)), 400
    return shown(made=(row, key))


@blueprint.post("/settings/keys/<int:key_id>/revoke")
@page()
def revoke(key_id: int) -> Response:
    """Revoke a key of mine, at once and for good."""
    with house().database.transaction() as session:
        keys.revoke(session, key_id, user_id=caller().user_id)
    flash(say("The key is revoked. Whoever still uses it is refused."), "good")
    return redirect(url_for("key_pages.listing"))


def until(days: str) -> Any:
    return house().world.now() + timedelta(days=int(days)) if days in LIFETIMES and days else None


def mine() -> list[str]:
    """The scopes that this user may hand on, in their usual order."""
    who = caller()
    allowed = who.scopes | ({"workers:run"} if who.is_admin else set())
    return [scope for scope in SCOPES if scope in allowed]


def shown(*, fault: str | None = None, made: tuple[ApiKey, Secret] | None = None) -> str:
    with house().database.transaction() as session:
        found = keys.listing(session, caller().user_id)
    return render_template(
        "keys.html",
        keys=found,
        mark=keys.MARK,
        now=house().world.now(),
        scopes=[(scope, say(MEANS[scope])) for scope in mine()],
        lifetimes=[(days, say(word)) for days, word in LIFETIMES.items()],
        longest=LONGEST_NAME,
        fault=fault,
        made=made[0] if made else None,
        key=made[1].reveal() if made else None,
    )
