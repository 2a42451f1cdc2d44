"""What a user has to be told, and that it was read."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.body import Body, asks, ok
from app.context import caller, house, needs
from app.language import locale
from app.words import known
from core.errors import NotFound
from db.notices import Notification, Notifications

blueprint = Blueprint("notices", __name__)


class Page(Body):
    unread: bool = False
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1)] = None


@blueprint.get("/api/notifications")
@needs()
@asks(Page)
def listing(query: Page) -> dict[str, Any]:
    """My notices, the newest first."""
    user_id = caller().user_id
    with house().database.transaction() as session:
        found = Notifications(session).of_user(
            user_id, unread=query.unread, limit=query.limit + 1, before=query.cursor
        )
        unread = Notifications(session).unread(user_id)
    here = found[: query.limit]
    more = str(here[-1].id) if len(found) > query.limit else None
    return ok(data=[shown(each) for each in here], unread=unread, nextCursor=more)


@blueprint.post("/api/notifications/<int:notification_id>/read")
@needs()
def read(notification_id: int) -> dict[str, Any]:
    """I have read this one."""
    with house().database.transaction() as session:
        if not Notifications(session).read(caller().user_id, notification_id):
            raise NotFound("no such notice")
    return ok()


@blueprint.post("/api/notifications/read-all")
@needs()
def read_all() -> dict[str, Any]:
    """I have read them all; `read` says how many there were."""
    with house().database.transaction() as session:
        return ok(read=Notifications(session).read_all(caller().user_id))


def shown(notice: Notification) -> dict[str, Any]:
    """Why, and what to do about it, in the reader's language, where a code says it."""
    said = known(notice.payload.get("code") or "", locale())
    return {
        "id": notice.id,
        "kind": notice.kind,
        "userMessage": said and said.says,
        "suggestion": said and said.next,
        "payload": notice.payload,
        "readAt": notice.read_at,
        "createdAt": notice.created_at,
    }
