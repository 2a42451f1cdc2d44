"""User erasure: delete what no foreign key leads to. The rest goes with the row of the user."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db.media.files import Media
from db.ops.attempts import Attempt
from db.outbox.deliveries import Delivery
from db.outbox.messages import OutboxMessage
from db.posts.posts import Post

NO_SESSION_SYNC = {"synchronize_session": False}
EXPIRED_SINCE = timedelta(seconds=1)
POST_JOB_KINDS, DELIVERY_JOB_KIND = ("posts", "uploads"), "outbox"


class UserErasure:
    def __init__(self, session: Session) -> None:
        self._session = session

    def release_media(self, user_id: int) -> int:
        """Delete the user's posts, and let all their files expire now. Return how many files."""
        self._delete_attempts(POST_JOB_KINDS, select(Post.id).where(Post.user_id == user_id))
        self._execute(delete(Post).where(Post.user_id == user_id))
        # The file is due only when this moment has passed, so that it is one of the past.
        expiry = update(Media).values(expires_at=func.now() - EXPIRED_SINCE)
        return len(self._execute(expiry.where(Media.user_id == user_id).returning(Media.id)).all())

    def erase(self, user_id: int) -> None:
        """Delete the log of deliveries to the user's endpoints; it may quote their answers."""
        messages = select(OutboxMessage.id).where(OutboxMessage.user_id == user_id)
        deliveries = select(Delivery.id).where(Delivery.message_id.in_(messages))
        self._delete_attempts((DELIVERY_JOB_KIND,), deliveries)

    def _delete_attempts(self, kinds: tuple[str, ...], row_ids: Any) -> None:
        self._execute(delete(Attempt).where(Attempt.kind.in_(kinds), Attempt.row_id.in_(row_ids)))

    def _execute(self, statement: Any) -> Any:
        return self._session.execute(statement, execution_options=NO_SESSION_SYNC)
