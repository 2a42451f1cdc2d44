"""Starts whose answer was lost, and the publications that might be theirs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, select

from db.accounts import Accounts
from db.posts import Post
from db.records import Records
from db.session import Session
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

    def adopt(self, post: Post) -> None:
        """The platform's side of a post whose publish_id has just been found."""
        Records(self._session).open(post)
