"""What a user has to be told, and that it was read."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.i18n import current_locale
from app.http.messages import find_message
from app.http.validation import RequestModel, ok, validate_query
from core.errors import NotFound
from db.identity.notifications import Notification, Notifications

blueprint = Blueprint("notices", __name__)


class NotificationListQuery(RequestModel):
    unread: bool = False
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1)] = None


@blueprint.get("/api/notifications")
@require_scopes()
@validate_query(NotificationListQuery)
def list_notifications(query: NotificationListQuery) -> dict[str, Any]:
    """My notices, the newest first."""
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        found = Notifications(session).list_for_user(
            user_id, unread=query.unread, limit=query.limit + 1, before=query.cursor
        )
        unread = Notifications(session).count_unread(user_id)
    page = found[: query.limit]
    next_cursor = str(page[-1].id) if len(found) > query.limit else None
    return ok(
        data=[serialize_notification(notification) for notification in page],
        unread=unread,
        nextCursor=next_cursor,
    )


@blueprint.post("/api/notifications/<int:notification_id>/read")
@require_scopes()
def mark_notification_read(notification_id: int) -> dict[str, Any]:
    """I have read this one."""
    with current_container().database.transaction() as session:
        if not Notifications(session).mark_read(current_principal().user_id, notification_id):
            raise NotFound("no such notice")
    return ok()


@blueprint.post("/api/notifications/read-all")
@require_scopes()
def mark_all_notifications_read() -> dict[str, Any]:
    """I have read them all; `read` says how many there were."""
    with current_container().database.transaction() as session:
        return ok(read=Notifications(session).mark_all_read(current_principal().user_id))


def serialize_notification(notification: Notification) -> dict[str, Any]:
    """Why, and what to do about it, in the reader's language, where a code says it."""
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
