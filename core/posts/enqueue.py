"""Another service asks for a post through the broker: its message becomes a row, good or bad.

What is wrong is stored with its reason, where its user and the operator can find it.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from core import audit
from core.checked import checked, storable
from core.errors import CoreError, Invalid
from core.ledger.book import opened
from core.ledger.settle import State
from core.posts.idempotency import digest
from core.posts.request import request
from core.posts.wish import Wish
from core.wiring import World
from db.posts import Posts, SentBy
from db.session import Database, Session
from db.timeline import PostEvents
from db.users import Users
from platforms.errors import PlatformError

OURS = ("user_id", "idempotency_key")
LARGEST_ID = 2**63

log = structlog.get_logger(__name__)


def enqueue(database: Database, world: World, payload: Mapping[str, Any]) -> None:
    """The fields of the HTTP request, `user_id` and, if wished, `idempotency_key`.

    Errors: StoreAway, and then nothing is stored and the message must not be spent.
    """
    values = {name: value for name, value in payload.items() if name not in OURS}
    try:
        wish = checked(Wish, values)
        request(
            database,
            world,
            user_id=whose(database, payload),
            wish=wish,
            idempotency_key=spelled(payload),
            can_wait=True,
        )
    except (CoreError, PlatformError) as error:
        rejected(database, payload, error)


def whose(database: Database, payload: Mapping[str, Any]) -> int:
    """Errors: Invalid unless it is a user of ours."""
    with database.transaction() as session:
        found = user_of(session, payload)
    if found is None:
        raise Invalid("no such user", details={"fields": {"user_id": "names no user"}})
    return found


def user_of(session: Session, payload: Mapping[str, Any]) -> int | None:
    named = payload.get("user_id")
    if not isinstance(named, int) or isinstance(named, bool) or not 0 < named < LARGEST_ID:
        return None
    user = Users(session).get(named)
    return None if user is None or user.disabled_at is not None else user.id


def spelled(payload: Mapping[str, Any]) -> str | None:
    found = payload.get("idempotency_key")
    if found is not None and not isinstance(found, str):
        fields = {"idempotency_key": "must be text"}
        raise Invalid("the key is not usable", details={"fields": fields})
    return found


def rejected(
    database: Database, payload: Mapping[str, Any], error: CoreError | PlatformError
) -> None:
    """A post that has failed before it began; without a user, a line in the audit log alone."""
    log.warning("post.rejected", code=error.code)
    details = {"code": error.code, **getattr(error, "details", {})}
    with database.transaction() as session:
        known = user_of(session, payload)
        post = refused(session, payload, error, user_id=known) if known else None
        subject = f"post:{post}" if post else None
        audit.note(session, "post.rejected", user_id=known, subject=subject, details=details)


def refused(
    session: Session,
    payload: Mapping[str, Any],
    error: CoreError | PlatformError,
    *,
    user_id: int,
) -> int | None:
    """The row's id; None if this very message was rejected before."""
    post = Posts(session).add(
        user_id=user_id,
        provider="tiktok",
        kind="INBOX_VIDEO",
        source="FILE_UPLOAD",
        sent_by=SentBy.SIGNALPOST,
        title=titled(payload.get("title")),
        payload_json={"rejected": getattr(error, "details", {}).get("fields", {})},
        state=State.FAILED,
        error_code=error.code,
        error_message=str(error),
        finished_at=Posts.now(),
        idempotency_key=keyed(payload, error),
        request_hash=digest(payload),
    )
    if post is None:
        return None
    PostEvents(session).add(post, "rejected", after=State.FAILED, note=error.code)
    with opened(session) as book:
        book.moved(post)  # nobody waits for an answer that could tell them
    return post.id


def titled(title: object) -> str:
    return title[:2200] if isinstance(title, str) and storable(title) else ""


def keyed(payload: Mapping[str, Any], error: CoreError | PlatformError) -> str:
    """So that a message delivered twice is one row, whether it brought a usable key or not."""
    return f"rejected:{digest({'payload': dict(payload), 'code': error.code})}"
