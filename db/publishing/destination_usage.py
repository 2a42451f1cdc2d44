"""Counts of what platforms limit per destination: posts and parts within a window of time.

Exact only while the login is locked (`QuotaSlots.lock_account`).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db.posts.parts import COVER_ROLE, PostPart
from db.posts.posts import Post, is_unfinished
from db.publishing.quota_slots import SlotUsage

OUTCOME_UNKNOWN_CODE = "outcome_unknown"


class DestinationUsage:
    """Counts for the destination of one post; without a destination, for its login."""

    def __init__(self, session: Session, post: Post) -> None:
        self._session = session
        self._post = post
        self._is_same_destination: ColumnElement[bool] = and_(
            Post.oauth_account_id == post.oauth_account_id,
            Post.destination_id.is_not_distinct_from(post.destination_id),
        )

    def count_posts(self, kinds: Collection[str], *, window: timedelta) -> SlotUsage:
        """Count other posts that hold a slot: unfinished, or made public within the window.

        A post of which it is not known whether it became public counts too.
        """
        query = select(
            func.count().label("count"),
            func.min(Post.finished_at).label("oldest"),
            func.now().label("now"),
        ).where(
            self._is_same_destination,
            Post.id != self._post.id,
            is_slot_of_destination(kinds, window),
        )
        return SlotUsage(**self._session.execute(query).mappings().one())

    def count_parts(self, *, window: timedelta) -> SlotUsage:
        """Count the parts that were made within the window, also those that were replaced, and
        those that other posts with a slot still have to make.
        """
        is_made = PostPart.handle.is_not(None)
        recent = select_parts(
            func.coalesce(func.sum(PostPart.tries + case((is_made, 1), else_=0)), 0),
            func.min(PostPart.made_at),
        ).where(self._is_same_destination, is_made_part(window))
        awaited = select_parts(func.count()).where(
            self._is_same_destination,
            Post.id != self._post.id,
            is_unmade_part(),
            is_awaiting_parts(),
        )
        made_count, oldest = self._session.execute(recent).one()
        count = int(made_count) + self._session.execute(awaited).scalar_one()
        return SlotUsage(count, oldest, self._session.execute(select(func.now())).scalar_one())

    def count_own_need(self) -> int:
        """Count the parts that this post still has to make."""
        query = select(func.count()).where(
            PostPart.post_id == self._post.id,
            PostPart.role != COVER_ROLE,
            PostPart.handle.is_(None),
        )
        return self._session.execute(query).scalar_one()

    def list_known_ids(self, *, since: datetime) -> frozenset[str]:
        """List the platform's ids of the destination's other public posts."""
        query = select(Post.platform_post_id, Post.platform_post_ids).where(
            self._is_same_destination,
            Post.id != self._post.id,
            Post.platform_post_id.is_not(None),
            Post.created_at >= since,
        )
        ids: set[str] = set()
        for first_id, all_ids in self._session.execute(query):
            ids.update((str(first_id), *all_ids))
        return frozenset(ids)

    def list_rival_texts(self, *, since: datetime) -> tuple[str, ...]:
        """List the texts of other posts that may be public without a known id."""
        is_unknown = and_(Post.state == "FAILED", Post.error_code == OUTCOME_UNKNOWN_CODE)
        query = select(Post.title).where(
            self._is_same_destination,
            Post.id != self._post.id,
            Post.platform_post_id.is_(None),
            Post.created_at >= since,
            or_(Post.state.not_in(("QUEUED", "FAILED", "CANCELLED")), is_unknown),
        )
        return tuple(self._session.scalars(query))

    def has_other_unconfirmed(self) -> bool:
        """Whether the answer to the start of another post was lost, or may still come."""
        query = select(func.count()).where(
            self._is_same_destination,
            Post.id != self._post.id,
            Post.publish_id.is_(None),
            Post.state.in_(("SENDING", "UNCONFIRMED")),
        )
        return self._session.execute(query).scalar_one() > 0


def is_slot_of_destination(kinds: Collection[str], window: timedelta) -> ColumnElement[bool]:
    """Condition: the post holds a slot of its destination."""
    may_be_public = or_(Post.state == "PUBLISHED", Post.error_code == OUTCOME_UNKNOWN_CODE)
    is_recent = and_(may_be_public, Post.finished_at > func.now() - window)
    return and_(Post.kind.in_(kinds), Post.has_slot, or_(is_unfinished(), is_recent))


def select_parts(*columns: Any) -> Any:
    """Query of parts with their posts. What was made and what is awaited are read apart: one
    condition for both would read all parts that a destination ever had.
    """
    return (
        select(*columns)
        .select_from(PostPart)
        .join(Post, Post.id == PostPart.post_id)
        .where(PostPart.role != COVER_ROLE)
    )


def is_made_part(window: timedelta) -> ColumnElement[bool]:
    """Condition: the part was made within that time, also if it was replaced since."""
    return PostPart.made_at > func.now() - window


def is_unmade_part() -> ColumnElement[bool]:
    return and_(PostPart.handle.is_(None), PostPart.role != COVER_ROLE)


def is_awaiting_parts() -> ColumnElement[bool]:
    """Condition: the post has a slot and may still have to make parts."""
    return and_(Post.has_slot, is_unfinished())
