"""Queries about starts whose response was lost: `UNCONFIRMED` posts without a publish_id."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, Accounts
from db.posts.posts import Post
from db.providers import PlatformKey
from db.webhooks.events import Events


class Reconciliation:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_unmatched_publications(self, post: Post, *, since: datetime) -> Sequence[str]:
        """Publish ids that webhooks reported for the post's account since then and no post has."""
        account = Accounts(self._session).get(post.oauth_account_id)
        if account is None:
            return []
        publish_ids = Events(self._session).list_unapplied_publications(
            post.provider, account.open_id, since=since
        )
        query = select(Post.publish_id).where(
            Post.provider == post.provider, Post.publish_id.in_(publish_ids)
        )
        matched_ids = set(self._session.scalars(query))
        return [publish_id for publish_id in publish_ids if publish_id not in matched_ids]

    def make_unconfirmed_due(self, accounts: Collection[PlatformKey]) -> None:
        """Make the unconfirmed starts of these accounts due: a webhook may be about one of them.

        Locked rows are skipped; their worker reschedules them.
        """
        if not accounts:
            return
        of_accounts = tuple_(Account.provider, Account.open_id).in_(list(accounts))
        unconfirmed = (
            select(Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(of_accounts, Post.state == "UNCONFIRMED", Post.publish_id.is_(None))
            .with_for_update(of=Post, skip_locked=True)
            .cte("unconfirmed")
        )
        self._session.execute(
            update(Post).where(Post.id == unconfirmed.c.id).values(due_at=func.now()),
            execution_options={"synchronize_session": False},
        )
