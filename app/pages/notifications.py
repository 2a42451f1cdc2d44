"""The page of notices: what a user has to be told, and where it leads. Decides nothing."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import current_locale, gettext_noop, translate
from app.http.messages import find_message
from app.pages.badges import PLATFORM_NAMES
from core.errors import NotFound
from db.identity.notifications import Notification, Notifications

blueprint = Blueprint("notice_pages", __name__)

PAGE_SIZE = 25
KIND_SENTENCES = {
    "needs_reconnect": gettext_noop(
        "%(name)s has to be connected again. Its posts wait until then."
    ),
    "disconnected_by_platform": gettext_noop("The platform has ended the connection of %(name)s."),
    "refresh_failed": gettext_noop(
        "The connection of %(name)s could not be renewed. It is tried again."
    ),
    "permissions_missing": gettext_noop("%(name)s did not give all permissions that are needed."),
    "connection_ends_soon": gettext_noop("The connection of %(name)s ends soon. Connect it again."),
    "data_access_ending": gettext_noop(
        "Access to the data of %(name)s ends soon. Connect it again."
    ),
    "post_published": gettext_noop("“%(title)s” is published."),
    "post_in_inbox": gettext_noop(
        "“%(title)s” is in your TikTok inbox. Finish it in the TikTok app."
    ),
    "post_failed": gettext_noop("“%(title)s” was not posted."),
    "post_unconfirmed": gettext_noop(
        "What became of “%(title)s” is not certain yet. We are asking."
    ),
    "endpoint_disabled": gettext_noop("%(name)s is not told any more. Its page says why."),
    "mention": gettext_noop("%(name)s was mentioned."),
}
KIND_COLOURS = {
    "post_published": "good",
    "post_in_inbox": "wait",
    "post_unconfirmed": "wait",
    "connection_ends_soon": "wait",
    "data_access_ending": "wait",
    "mention": "busy",
}
"""Colours by kind; everything else asks for something to be done."""

UNKNOWN_KIND_TEXT = gettext_noop("News of a kind that this page does not know: %(kind)s")
UNNAMED_ACCOUNT, UNTITLED = gettext_noop("an account"), gettext_noop("Untitled")


@blueprint.get("/notifications")
@require_login()
def list_notifications() -> str:
    """My notices, the newest first."""
    cursor, unread_only = request.args.get("cursor", ""), request.args.get("unread") == "1"
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
    with current_container().database.transaction() as session:
        rows = Notifications(session).list_for_user(
            current_principal().user_id, unread=unread_only, limit=PAGE_SIZE + 1, before=before
        )
    more = rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None
    return render_template(
        "notices.html",
        notices=[notification_fields(each) for each in rows[:PAGE_SIZE]],
        only=unread_only,
        more=more,
    )


@blueprint.post("/notifications/<int:notice_id>/read")
@require_login()
def mark_read(notice_id: int) -> Response:
    """I have read this one."""
    with current_container().database.transaction() as session:
        if not Notifications(session).mark_read(current_principal().user_id, notice_id):
            raise NotFound("no such notice")
    return redirect(url_for("notice_pages.list_notifications"))


@blueprint.post("/notifications/read-all")
@require_login()
def mark_all_read() -> Response:
    """I have read them all."""
    with current_container().database.transaction() as session:
        Notifications(session).mark_all_read(current_principal().user_id)
    flash(translate("All notices are marked as read."), "good")
    return redirect(url_for("notice_pages.list_notifications"))


def notification_fields(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "sentence": notification_sentence(notification),
        "why": notification_reason(notification),
        "look": KIND_COLOURS.get(notification.kind, "bad"),
        "leads": notification_link(notification),
        "read": notification.read_at is not None,
        "at": notification.created_at,
    }


def notification_sentence(notification: Notification) -> str:
    payload = notification.payload
    return translate(
        KIND_SENTENCES.get(notification.kind, UNKNOWN_KIND_TEXT),
        name=payload.get("name") or translate(UNNAMED_ACCOUNT),
        title=payload.get("title") or translate(UNTITLED),
        kind=notification.kind,
    )


def notification_reason(notification: Notification) -> str | None:
    message = find_message(notification.payload.get("code") or "", current_locale())
    return f"{message.message} {message.suggestion}" if message else None


def notification_link(notification: Notification) -> tuple[str, str] | None:
    """Where something can be done about it."""
    payload = notification.payload
    if "post_id" in payload:
        return url_for("post_pages.show_post", post_id=payload["post_id"]), translate("To the post")
    if "account_id" in payload:
        platform = payload.get("platform", "tiktok")
        platform_name = platform if platform in PLATFORM_NAMES else "tiktok"
        return url_for("account_pages.show_platform", platform=platform_name), translate(
            "To the account"
        )
    if "endpoint_id" in payload:
        url = url_for("endpoint_pages.show_endpoint", endpoint_id=payload["endpoint_id"])
        return url, translate("To the endpoint")
    return None
