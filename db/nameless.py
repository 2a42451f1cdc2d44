"""Published posts of which the platform has not told yet under which id the public sees them."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from db.accounts import Account, AccountStatus
from db.posts import Post
from db.records import TikTokPost

IDS = "publicaly_available_post_id"  # the vendor's spelling


class Nameless:
    def __init__(self, session: Session) -> None:
        self._session = session

    def rouse(
        self, bands: Iterable[tuple[timedelta, timedelta]], *, privacy: str, limit: int
    ) -> int:
        """Due now, to be asked about: those published within the first of a band and not heard of
        for its second. Direct posts that others may not see are left alone: they never get an id.
        """
        record = TikTokPost
        heard = func.coalesce(record.last_polled_at, record.completed_at)
        late = [
            and_(record.completed_at > func.now() - within, heard < func.now() - silent)
            for within, silent in bands
        ]
        public = or_(record.mode == "INBOX", record.details["privacy_level"].astext == privacy)
        wanted = (
            select(Post.id)
            .join(record, record.ledger_id == Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(
                record.status == "PUBLISH_COMPLETE",
                not_(record.details.has_key(IDS)),
                or_(*late),
                public,
                Post.state == "PUBLISHED",
                Post.publish_id.is_not(None),
                Post.due_at.is_(None),
                Account.status == AccountStatus.ACTIVE,
            )
            .order_by(record.completed_at)
            .limit(limit)
            .with_for_update(of=Post, skip_locked=True)
            .cte("wanted")
        )
        roused = update(Post).where(Post.id == wanted.c.id).values(due_at=func.now())
        options = {"synchronize_session": False}
        rows = self._session.execute(roused.returning(Post.id), execution_options=options)
        return len(rows.all())
