"""The posts that notices speak of: found and locked for a whole batch at a time.

Always in the order of their ids, so that two batches cannot wait for each other.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from db.accounts import Account
from db.posts import Post
from db.records import TikTokPost

Key = tuple[str, str]  # provider, and the platform's id of a publication or of its user


class Subjects:
    def __init__(self, session: Session) -> None:
        self._session = session

    def posts(self, publications: Collection[Key]) -> dict[Key, Post]:
        """Those we know, read again and locked."""
        if not publications:
            return {}
        named = tuple_(Post.provider, Post.publish_id).in_(list(publications))
        found = select(Post).where(named).order_by(Post.id).with_for_update()
        posts = self._session.scalars(found, execution_options={"populate_existing": True})
        return {(post.provider, str(post.publish_id)): post for post in posts}

    def rouse(self, accounts: Collection[Key]) -> None:
        """Starts whose answer was lost look again at once: news of one of them may have come.

        Rows that somebody holds are left out; they come back by themselves.
        """
        if not accounts:
            return
        theirs = tuple_(Account.provider, Account.open_id).in_(list(accounts))
        lost = (
            select(Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(theirs, Post.state == "UNCONFIRMED", Post.publish_id.is_(None))
            .with_for_update(of=Post, skip_locked=True)
            .cte("lost")
        )
        self._session.execute(
            update(Post).where(Post.id == lost.c.id).values(due_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    def heard(self, posts: Iterable[Post]) -> None:
        """What the platform knows of them bears the time of its last notice."""
        ids = [post.id for post in posts]
        stamp = func.jsonb_build_object("webhook_received_at", func.clock_timestamp())
        if ids:
            self._session.execute(
                update(TikTokPost)
                .where(TikTokPost.ledger_id.in_(sorted(ids)))
                .values(details=TikTokPost.details.concat(stamp)),
                execution_options={"synchronize_session": False},
            )
