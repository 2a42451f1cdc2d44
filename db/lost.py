"""Starts whose answer was lost, and the publications and videos that might be theirs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, exists, or_, select

from db.accounts import Accounts
from db.nameless import IDS
from db.posts import Post
from db.records import Records, TikTokPost
from db.session import Session
from db.videos import Video
from db.webhooks import Events


class LostStarts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def strangers(self, post: Post, *, since: datetime) -> Sequence[str]:
        """Publications of this post's account that webhooks named since then and no post has."""
        account = Accounts(self._session).get(post.oauth_account_id)
        if account is None:
            return []
        told = Events(self._session).unapplied(post.provider, account.open_id, since=since)
        ours = select(Post.publish_id).where(
            Post.provider == post.provider, Post.publish_id.in_(told)
        )
        known = set(self._session.scalars(ours))
        return [publish_id for publish_id in told if publish_id not in known]

    def others(self, post: Post) -> bool:
        """Whether the same account misses another answer as well."""
        lost = select(Post.id).where(
            Post.oauth_account_id == post.oauth_account_id,
            Post.id != post.id,
            Post.state == "UNCONFIRMED",
            Post.publish_id.is_(None),
        )
        return bool(self._session.scalar(select(exists(lost))))

    def videos(self, post: Post, *, since: datetime, until: datetime) -> Sequence[Video]:
        """What appeared in public on this post's account then, and is no other post's of ours."""
        theirs = TikTokPost.oauth_account_id == Video.oauth_account_id
        ours = exists().where(theirs, TikTokPost.details[IDS].has_key(Video.video_id))
        named = exists().where(
            Post.oauth_account_id == Video.oauth_account_id, Post.platform_post_id == Video.video_id
        )
        found = select(Video).where(
            Video.oauth_account_id == post.oauth_account_id,
            Video.posted_at >= since,
            Video.posted_at <= until,
            ~ours,
            ~named,
        )
        return self._session.scalars(found.order_by(Video.posted_at)).all()

    def rivals(self, post: Post, *, since: datetime) -> Sequence[Post]:
        """Others of the account that may be out, or come out, and that nobody has seen yet."""
        unknown = and_(Post.state == "FAILED", Post.error_code == "outcome_unknown")
        maybe = or_(Post.state.not_in(("QUEUED", "FAILED", "CANCELLED")), unknown)
        found = select(Post).where(
            Post.oauth_account_id == post.oauth_account_id,
            Post.id != post.id,
            Post.platform_post_id.is_(None),
            Post.created_at >= since,
            maybe,
        )
        return self._session.scalars(found).all()

    def adopt(self, post: Post) -> None:
        """The platform's side of a post whose publish_id has just been found."""
        Records(self._session).open(post)
