"""When the quota slots in use were taken, and which posts of an account will need one before a
given time: what a forecast is made of. Read without locks: nothing is reserved by it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, null, or_, select, union_all
from sqlalchemy.orm import Session

from db.posts.posts import Post, is_unfinished
from db.publishing.destination_usage import OUTCOME_UNKNOWN_CODE
from db.publishing.quota_slots import select_slots

MAX_SLOTS = 1000  # rows of one forecast; platforms allow far fewer posts in a day
SlotTimesList = Sequence[datetime | None]
"""When each slot in use was taken; None: its post is not made yet, so it counts from then."""


@dataclass(frozen=True)
class SlotAccount:
    """Whose slots: a login or one of its destinations; `except_post_id` is left out."""

    user_id: int
    account_id: int
    destination_id: int | None = None
    except_post_id: int = 0


class SlotTimes:
    def __init__(self, session: Session, account: SlotAccount) -> None:
        self._session = session
        self._account = account

    def list_of_login(self, kinds: Collection[str], *, while_pending: bool) -> SlotTimesList:
        """When the login's slots for these kinds were taken, as `QuotaSlots` counts them."""
        slots = union_all(
            *(
                query.where(
                    Post.oauth_account_id == self._account.account_id,
                    Post.id != self._account.except_post_id,
                )
                for query in select_slots(Post.id, tuple(kinds), while_pending=while_pending)
            )
        ).subquery()
        taken_at = case((slots.c.waits, null()), else_=slots.c.at)
        return tuple(self._session.scalars(select(taken_at).limit(MAX_SLOTS)))

    def list_of_destination(self, kinds: Collection[str], *, window: timedelta) -> SlotTimesList:
        """When the destination's slots were taken, as `DestinationUsage` counts them."""
        may_be_public = or_(Post.state == "PUBLISHED", Post.error_code == OUTCOME_UNKNOWN_CODE)
        is_recent = and_(may_be_public, Post.finished_at > func.now() - window)
        query = select(Post.finished_at).where(
            Post.oauth_account_id == self._account.account_id,
            Post.destination_id.is_not_distinct_from(self._account.destination_id),
            Post.kind.in_(kinds),
            Post.has_slot,
            Post.id != self._account.except_post_id,
            or_(is_unfinished(), is_recent),
        )
        return tuple(self._session.scalars(query.limit(MAX_SLOTS)))

    def list_due_times(
        self,
        kinds: Collection[str],
        *,
        since: datetime,
        until: datetime,
        is_of_destination: bool,
    ) -> Sequence[datetime]:
        """When the waiting posts without a slot are due between these times, in order."""
        due_at = func.coalesce(Post.publish_at, Post.created_at)
        conditions = [
            Post.user_id == self._account.user_id,
            Post.oauth_account_id == self._account.account_id,
            Post.state == "QUEUED",
            Post.hold_reason.is_(None),
            Post.kind.in_(kinds),
            ~Post.has_slot,
            Post.id != self._account.except_post_id,
            due_at > since,
            due_at <= until,
        ]
        if is_of_destination:
            own = Post.destination_id.is_not_distinct_from(self._account.destination_id)
            conditions.append(own)
        query = select(due_at).where(*conditions).order_by(due_at).limit(MAX_SLOTS)
        return tuple(self._session.scalars(query))
