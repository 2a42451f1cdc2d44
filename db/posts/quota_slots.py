"""Places in an account's quota: how many posts hold one, and since when. Knows no limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select

from db.accounts.accounts import Account
from db.posts.posts import Post
from db.posts.tiktok_posts import PENDING_STATUSES, TikTokPost
from db.session import Session

QUOTA_WINDOW = timedelta(hours=24)
TERMINAL_STATES = ("PUBLISHED", "FAILED", "CANCELLED")
ALL_ACCOUNTS_LOCK_KEY = 0x51075  # the advisory lock of whoever counts accounts instead of posts


@dataclass(frozen=True)
class SlotUsage:
    """`oldest` is when the first of them was taken; `now` is the database's clock."""

    count: int
    oldest: datetime | None
    now: datetime


class QuotaSlots:
    """Counting is exact only while the account is locked."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_account(self, account_id: int, *, wait: bool = True) -> bool:
        """Nobody else takes a slot of this account until the transaction ends.

        Without `wait` False if somebody else holds it: whoever holds rows of its own must not wait.
        """
        query = select(Account.id).where(Account.id == account_id)
        lock_query = query.with_for_update(key_share=True, skip_locked=not wait)
        return self._session.scalar(lock_query) is not None

    def lock_all_accounts(self, *, wait: bool = True) -> bool:
        """Nobody else counts the accounts of this installation until the transaction ends."""
        if wait:
            self._session.execute(select(func.pg_advisory_xact_lock(ALL_ACCOUNTS_LOCK_KEY)))
            return True
        return bool(
            self._session.scalar(select(func.pg_try_advisory_xact_lock(ALL_ACCOUNTS_LOCK_KEY)))
        )

    def list_posting_accounts(self, kinds: Sequence[str]) -> Mapping[int, datetime]:
        """Accounts whose posts of these kinds hold a slot, and when each took its latest one."""
        latest = func.max(func.coalesce(TikTokPost.created_at, Post.created_at))
        query = (
            select(Post.oauth_account_id, latest)
            .outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
            .where(
                Post.oauth_account_id.is_not(None),
                Post.kind.in_(kinds),
                Post.has_slot,
                or_(is_reserved(), is_counted(direct=kinds[0].startswith("DIRECT"))),
            )
            .group_by(Post.oauth_account_id)
        )
        return {int(account): at for account, at in self._session.execute(query) if account}

    def now(self) -> datetime:
        """The database's clock, as it stood when this transaction began."""
        return self._session.execute(select(func.now())).scalar_one()

    def count_slots(
        self, account_id: int, kinds: Sequence[str], *, except_post_id: int | None = None
    ) -> SlotUsage:
        """Posts of these kinds that hold a slot, not counting the post `without`."""
        since = func.min(func.coalesce(TikTokPost.created_at, Post.created_at))
        query = (
            select(func.count(), since, func.now())
            .select_from(Post)
            .outerjoin(TikTokPost, TikTokPost.ledger_id == Post.id)
            .where(
                Post.oauth_account_id == account_id,
                Post.kind.in_(kinds),
                Post.has_slot,
                Post.id != (except_post_id or 0),
                or_(is_reserved(), is_counted(direct=kinds[0].startswith("DIRECT"))),
            )
        )
        return SlotUsage(*self._session.execute(query).one())

    def count_starts(self, account_id: int, *, within: timedelta) -> SlotUsage:
        """Starts of this account within that time, as the ledger knows them."""
        recent = Post.started_at > func.now() - within
        query = select(func.count(), func.min(Post.started_at), func.now())
        account_query = query.where(Post.oauth_account_id == account_id, recent)
        return SlotUsage(*self._session.execute(account_query).one())


def is_reserved() -> ColumnElement[bool]:
    """Wished, and not known to the platform yet: it counts however long it waits."""
    return TikTokPost.id.is_(None) & Post.state.not_in(TERMINAL_STATES)


def is_counted(*, direct: bool) -> ColumnElement[bool]:
    """Known to the platform. A draft counts until the creator posts it, a direct post all day."""
    recent = TikTokPost.created_at > func.now() - QUOTA_WINDOW
    is_active = TikTokPost.status != "FAILED" if direct else TikTokPost.status.in_(PENDING_STATUSES)
    return recent & is_active
