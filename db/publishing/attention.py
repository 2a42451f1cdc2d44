"""Posts and uploads that need their owner, for the home page; each query reads few rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Integer, Interval, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased

from db.identity.home_dismissals import HomeDismissal
from db.media.files import Media
from db.posts.posts import Post, is_undecided_draft, is_unfinished, publish_time

PAUSED_AFTER = timedelta(minutes=2)  # an upload that moves stores a part more often


@dataclass(frozen=True)
class AccountBacklog:
    """Posts of an account that wait, and when the first of them is due."""

    count: int
    first_at: datetime


@dataclass(frozen=True)
class AccountDrafts:
    """Drafts of a login that its creator has not dealt with. `newest_id`: the last of them;
    `recent_count`: those of a period.
    """

    account_id: int | None
    provider: str
    count: int
    newest_id: int
    recent_count: int = 0


class AttentionQueries:
    def __init__(self, session: Session, user_id: int) -> None:
        self._session = session
        self._user_id = user_id

    def list_failed(self, *, within: timedelta, limit: int) -> Sequence[Post]:
        """List posts that failed lately, newest first, unless they were tried again or hidden."""
        values = {"user_id": self._user_id, "within": within, "limit": limit}
        return self._session.scalars(build_failed_query(), values).all()

    def list_unconfirmed(self, *, longer_than: timedelta, limit: int) -> Sequence[Post]:
        """List posts of which it is not known for so long whether they are public."""
        query = (
            select(Post)
            .where(
                Post.user_id == self._user_id,
                Post.state == "UNCONFIRMED",
                func.coalesce(Post.started_at, Post.created_at) < func.now() - longer_than,
            )
            .order_by(Post.id)
            .limit(limit)
        )
        return self._session.scalars(query).all()

    def list_drafts(self, *, since: datetime) -> list[AccountDrafts]:
        """Count drafts by login, and how many of them were delivered since then."""
        recent = func.count().filter(publish_time() >= since)
        query = (
            select(Post.oauth_account_id, Post.provider, func.count(), func.max(Post.id), recent)
            .where(Post.user_id == self._user_id, is_undecided_draft())
            .group_by(Post.oauth_account_id, Post.provider)
        )
        return [AccountDrafts(*row) for row in self._session.execute(query)]

    def map_waiting(self, account_ids: Collection[int]) -> Mapping[int, AccountBacklog]:
        """Count the unfinished posts of these logins."""
        query = (
            select(Post.oauth_account_id, func.count(), func.min(publish_time()))
            .where(Post.oauth_account_id.in_(account_ids), is_unfinished())
            .group_by(Post.oauth_account_id)
        )
        rows = self._session.execute(query) if account_ids else ()
        return {int(account or 0): AccountBacklog(count, first) for account, count, first in rows}

    def map_without_slot(self, account_ids: Collection[int]) -> Mapping[int, int]:
        """Count the due posts of these logins that wait for a free slot of the quota."""
        query = (
            select(Post.oauth_account_id, func.count())
            .where(
                Post.oauth_account_id.in_(account_ids),
                is_unfinished(),
                Post.state == "QUEUED",
                Post.hold_reason.is_(None),
                ~Post.has_slot,
                publish_time() <= func.now(),
            )
            .group_by(Post.oauth_account_id)
        )
        rows = self._session.execute(query) if account_ids else ()
        return {int(account or 0): count for account, count in rows}

    def list_paused_uploads(self, *, limit: int) -> Sequence[Media]:
        """List files that were sent in part and are not being sent now, newest first."""
        query = (
            select(Media)
            .where(
                Media.user_id == self._user_id,
                Media.completed_at.is_(None),
                Media.offset > 0,
                Media.expires_at > func.now(),
                Media.updated_at < func.now() - PAUSED_AFTER,
            )
            .order_by(Media.id.desc())
            .limit(limit)
        )
        return self._session.scalars(query).all()


@cache
def build_failed_query() -> Any:
    """Query of `list_failed`, built once: a second name for posts costs a copy of each column."""
    retry = aliased(Post)
    hidden = func.concat("post:", Post.id, ":FAILED")
    return (
        select(Post)
        .where(
            Post.user_id == bindparam("user_id"),
            Post.state == "FAILED",
            publish_time() > func.now() - bindparam("within", type_=Interval),
            ~exists().where(retry.retry_of == Post.id),
            ~exists().where(
                HomeDismissal.user_id == bindparam("user_id"), HomeDismissal.subject == hidden
            ),
        )
        .order_by(publish_time().desc(), Post.id.desc())
        .limit(bindparam("limit", type_=Integer))
    )
