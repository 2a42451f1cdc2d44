"""Posts that a notice of nobody we know may be about."""

from collections.abc import Collection

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from db.accounts import Account
from db.heard import Key
from db.posts import Post


class Subjects:
    def __init__(self, session: Session) -> None:
        self._session = session

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
