"""The page of notifications: what happened, why, and a link to where something can be done."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import current_locale, translate_text
from app.http.messages import find_message
from app.http.replica_reads import reading_database, reads_replica
from app.http.time_zones import current_zone
from app.http.validation import row_id_from_query
from app.notification_texts import DELIVERED_KINDS, write_sentence
from core.errors import NotFound
from db.identity.notifications import Notification, Notifications
from platforms.registry import PLATFORMS

blueprint = Blueprint("notification_pages", __name__)

PAGE_SIZE = 25
KIND_COLOURS = {
    "post_published": "good",
    **dict.fromkeys(DELIVERED_KINDS, "wait"),
    "post_unconfirmed": "ask",
    "connection_ends_soon": "wait",
    "data_access_ending": "wait",
    "mention": "busy",
    "new_comments": "busy",
}
"""Colours by kind; all other kinds are `bad`: their owner has to act."""

KIND_ICONS = {
    "post_published": "circle-check",
    **dict.fromkeys(DELIVERED_KINDS, "mail"),
    "post_unconfirmed": "circle-question-mark",
    "needs_reconnect": "link-2-off",
    "disconnected_by_platform": "unlink",
    "refresh_failed": "refresh-cw",
    "permissions_missing": "lock",
    "connection_ends_soon": "timer",
    "data_access_ending": "timer",
    "endpoint_disabled": "webhook",
    "mention": "megaphone",
    "new_comments": "message-circle",
    "reply_not_sent": "reply",
}


@blueprint.get("/notifications")
@require_login()
@reads_replica
def list_notifications() -> str:
    """List my notifications, newest first."""
    unread_only = request.args.get("unread") == "1"
    with reading_database().transaction() as session:
        rows = Notifications(session).list_for_user(
            current_principal().user_id,
            unread=unread_only,
            limit=PAGE_SIZE + 1,
            before=row_id_from_query("cursor"),
            muted_kinds=current_principal().muted_notifications,
        )
    return render_template(
        "notifications.html",
        days=list_days(rows[:PAGE_SIZE]),
        has_unread=any(row.read_at is None for row in rows[:PAGE_SIZE]),
        is_newest=request.args.get("cursor") is None,
        unread_only=unread_only,
        next_cursor=rows[PAGE_SIZE - 1].id if len(rows) > PAGE_SIZE else None,
    )


@blueprint.post("/notifications/<int:notification_id>/read")
@require_login()
def mark_read(notification_id: int) -> Response:
    """Mark a notification as read."""
    with current_container().database.transaction() as session:
        if not Notifications(session).mark_read(current_principal().user_id, notification_id):
            raise NotFound(f"there is no notification {notification_id}")
    return redirect(url_for("notification_pages.list_notifications"))


@blueprint.post("/notifications/read-all")
@require_login()
def mark_all_read() -> Response:
    """Mark all my notifications as read."""
    with current_container().database.transaction() as session:
        Notifications(session).mark_all_read(current_principal().user_id)
    flash(translate_text("All notifications are marked as read."), "good")
    return redirect(url_for("notification_pages.list_notifications"))


def list_days(rows: Sequence[Notification]) -> list[tuple[datetime, list[dict[str, Any]]]]:
    """Return the notifications by the day on which they came, in the reader's time zone."""
    zone = current_zone()
    by_day = groupby(rows, key=lambda row: row.created_at.astimezone(zone).date())
    days = [[notification_fields(row) for row in of_day] for _, of_day in by_day]
    return [(of_day[0]["at"], of_day) for of_day in days]


def notification_fields(notification: Notification) -> dict[str, Any]:
    return {
        "id": notification.id,
        "sentence": write_sentence(notification, current_locale()),
        "reason": notification_reason(notification),
        "colour": KIND_COLOURS.get(notification.kind, "bad"),
        "icon": KIND_ICONS.get(notification.kind, "circle-x"),
        "link": notification_link(notification),
        "is_read": notification.read_at is not None,
        "at": notification.created_at,
    }


def notification_reason(notification: Notification) -> str | None:
    """The text for the notification's code: what happened, and what to do about it."""
    message = find_message(notification.payload.get("code") or "", current_locale())
    return f"{message.message} {message.suggestion}" if message else None


def notification_link(notification: Notification) -> dict[str, str] | None:
    """The link to the post, account or endpoint that the notification is about."""
    payload = notification.payload
    if "post_id" in payload:
        url = url_for("post_pages.show_post", post_id=payload["post_id"])
        return {"url": url, "label": translate_text("Open the post")}
    if "account_id" in payload:
        platform = payload.get("platform")
        url = (
            url_for("account_pages.show_platform", platform=platform)
            if platform in PLATFORMS
            else url_for("account_pages.list_accounts")
        )
        return {"url": url, "label": translate_text("Open the account")}
    if "endpoint_id" in payload:
        url = url_for("endpoint_pages.show_endpoint", endpoint_id=payload["endpoint_id"])
        return {"url": url, "label": translate_text("Open the endpoint")}
    return None
