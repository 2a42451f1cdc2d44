"""Notifications of the signed-in user: list them, mark them as read."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.i18n import current_locale
from app.http.messages import find_message
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import OptionalRowId, RequestModel, success_body, validate_query
from core.errors import NotFound
from db.identity.notifications import Notification, Notifications

blueprint = Blueprint("notifications", __name__)


class NotificationListQuery(RequestModel):
    unread: bool = False
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


@blueprint.get("/api/notifications")
@require_scopes()
@validate_query(NotificationListQuery)
@reads_replica
def list_notifications(query: NotificationListQuery) -> dict[str, Any]:
    """List my notifications, newest first."""
    user_id = current_principal().user_id
    with reading_database().transaction() as session:
        rows = Notifications(session).list_for_user(
            user_id, unread=query.unread, limit=query.limit + 1, before=query.cursor
        )
        unread = Notifications(session).count_unread(user_id)
    page = rows[: query.limit]
    next_cursor = str(page[-1].id) if len(rows) > query.limit else None
    return success_body(
        data=[serialize_notification(notification) for notification in page],
        unread=unread,
        nextCursor=next_cursor,
    )


@blueprint.post("/api/notifications/<int:notification_id>/read")
@require_scopes()
def mark_notification_read(notification_id: int) -> dict[str, Any]:
    """Mark a notification as read."""
    with current_container().database.transaction() as session:
        if not Notifications(session).mark_read(current_principal().user_id, notification_id):
            raise NotFound(f"there is no notification {notification_id}")
    return success_body()


@blueprint.post("/api/notifications/read-all")
@require_scopes()
def mark_all_notifications_read() -> dict[str, Any]:
    """Mark all my notifications as read; `read` is how many were unread."""
    with current_container().database.transaction() as session:
        return success_body(read=Notifications(session).mark_all_read(current_principal().user_id))


def serialize_notification(notification: Notification) -> dict[str, Any]:
    """A notification with the texts of its code, if it has one, in the reader's language."""
    texts = find_message(notification.payload.get("code") or "", current_locale())
    return {
        "id": notification.id,
        "kind": notification.kind,
        "userMessage": texts and texts.message,
        "suggestion": texts and texts.suggestion,
        "payload": notification.payload,
        "readAt": notification.read_at,
        "createdAt": notification.created_at,
    }
