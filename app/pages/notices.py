"""The page of notices: what a user has to be told, and where it leads. Decides nothing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.context import caller, house, page
from app.language import later, locale, say
from app.pages.looks import NAMES
from app.words import known
from core.errors import NotFound
from db.notices import Notification, Notifications

blueprint = Blueprint("notice_pages", __name__)

PAGE = 25
SENTENCES = {
    "needs_reconnect": later("%(name)s has to be connected again. Its posts wait until then."),
    "disconnected_by_platform": later("The platform has ended the connection of %(name)s."),
    "refresh_failed": later("The connection of %(name)s could not be renewed. It is tried again."),
    "permissions_missing": later("%(name)s did not give all permissions that are needed."),
    "connection_ends_soon": later("The connection of %(name)s ends soon. Connect it again."),
    "data_access_ending": later("Access to the data of %(name)s ends soon. Connect it again."),
    "post_published": later("“%(title)s” is published."),
    "post_in_inbox": later("“%(title)s” is in your TikTok inbox. Finish it in the TikTok app."),
    "post_failed": later("“%(title)s” was not posted."),
    "post_unconfirmed": later("What became of “%(title)s” is not certain yet. We are asking."),
    "endpoint_disabled": later("%(name)s is not told any more. Its page says why."),
    "mention": later("%(name)s was mentioned."),
}
LOOKS = {
    "post_published": "good",
    "post_in_inbox": "wait",
    "post_unconfirmed": "wait",
    "connection_ends_soon": "wait",
    "data_access_ending": "wait",
    "mention": "busy",
}
"""Colours by kind; everything else asks for something to be done."""

OTHER = later("News of a kind that this page does not know: %(kind)s")
NAMELESS, UNTITLED = later("an account"), later("Untitled")


@blueprint.get("/notifications")
@page()
def listing() -> str:
    """My notices, the newest first."""
    cursor, only = request.args.get("cursor", ""), request.args.get("unread") == "1"
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None  # noqa: PLR2004 - digits of a bigint
    with house().database.transaction() as session:
        found = Notifications(session).of_user(
            caller().user_id, unread=only, limit=PAGE + 1, before=before
        )
    more = found[PAGE - 1].id if len(found) > PAGE else None
    return render_template(
        "notices.html", notices=[shown(each) for each in found[:PAGE]], only=only, more=more
    )


@blueprint.post("/notifications/<int:notice_id>/read")
@page()
def read(notice_id: int) -> Response:
    """I have read this one."""
    with house().database.transaction() as session:
        if not Notifications(session).read(caller().user_id, notice_id):
            raise NotFound("no such notice")
    return redirect(url_for("notice_pages.listing"))


@blueprint.post("/notifications/read-all")
@page()
def read_all() -> Response:
    """I have read them all."""
    with house().database.transaction() as session:
        Notifications(session).read_all(caller().user_id)
    flash(say("All notices are marked as read."), "good")
    return redirect(url_for("notice_pages.listing"))


def shown(notice: Notification) -> dict[str, Any]:
    return {
        "id": notice.id,
        "sentence": sentence(notice),
        "why": why(notice),
        "look": LOOKS.get(notice.kind, "bad"),
        "leads": leads(notice),
        "read": notice.read_at is not None,
        "at": notice.created_at,
    }


def sentence(notice: Notification) -> str:
    told = notice.payload
    return say(
        SENTENCES.get(notice.kind, OTHER),
        name=told.get("name") or say(NAMELESS),
        title=told.get("title") or say(UNTITLED),
        kind=notice.kind,
    )


def why(notice: Notification) -> str | None:
    said = known(notice.payload.get("code") or "", locale())
    return f"{said.says} {said.next}" if said else None


def leads(notice: Notification) -> tuple[str, str] | None:
    """Where something can be done about it."""
    told = notice.payload
    if "post_id" in told:
        return url_for("post_pages.one", post_id=told["post_id"]), say("To the post")
    if "account_id" in told:
        platform = told.get("platform", "tiktok")
        known_one = platform if platform in NAMES else "tiktok"
        return url_for("account_pages.connect", platform=known_one), say("To the account")
    if "endpoint_id" in told:
        where = url_for("endpoint_pages.one", endpoint_id=told["endpoint_id"])
        return where, say("To the endpoint")
    return None
