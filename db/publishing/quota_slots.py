"""Counts of quota slots: how many posts of an account hold one and since when, and the locks that
make the counts exact. The limits are in `core/publishing/quota.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from db.accounts.accounts import Account
from db.posts.posts import FINAL_POST_STATES, Post
from db.publishing.record_joins import (
    has_record,
    is_without_record,
    join_records,
    known_since,
)
from db.records.record_table import RecordTable
from db.session import Session

QUOTA_WINDOW = timedelta(hours=24)
ALL_ACCOUNTS_LOCK_KEY = 0x51075  # advisory lock for counting accounts instead of posts


@dataclass(frozen=True)
class SlotUsage:
    """How many slots (or starts) count, when the oldest of them was taken, and the time of the
    database when they were counted.
    """

    count: int
    oldest: datetime | None
    now: datetime


class QuotaSlots:
    """Counts are exact only while the account is locked."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_account(self, account_id: int, *, wait: bool = True) -> bool:
        """Lock the account, so that no other transaction takes a slot of it until this one ends.

        Without `wait`, returns False if another transaction has locked it. A caller that has locked
        other rows must not wait, or it could deadlock.
        """
        query = select(Account.id).where(Account.id == account_id)
        lock_query = query.with_for_update(key_share=True, skip_locked=not wait)
        return self._session.scalar(lock_query) is not None

    def lock_all_accounts(self, *, wait: bool = True) -> bool:
        """Lock the counting of posting accounts for the whole installation.

        `wait` and the result are those of `lock_account`.
        """
        if wait:
            self._session.execute(select(func.pg_advisory_xact_lock(ALL_ACCOUNTS_LOCK_KEY)))
            return True
        return bool(
            self._session.scalar(select(func.pg_try_advisory_xact_lock(ALL_ACCOUNTS_LOCK_KEY)))
        )

    def list_posting_accounts(self, kinds: Sequence[str]) -> Mapping[int, datetime]:
        """Accounts whose posts of these kinds hold a slot, and when each took its latest slot."""
        query = (
            join_records(select(Post.oauth_account_id, func.max(known_since())))
            .where(
                Post.oauth_account_id.is_not(None),
                Post.kind.in_(kinds),
                Post.has_slot,
                or_(is_reserved(), is_counted(while_pending=False)),
            )
            .group_by(Post.oauth_account_id)
        )
        return {int(account): at for account, at in self._session.execute(query) if account}

    def now(self) -> datetime:
        """The time of the database at the beginning of this transaction."""
        return self._session.execute(select(func.now())).scalar_one()

    def count_slots(
        self,
        account_id: int,
        kinds: Sequence[str],
        *,
        while_pending: bool,
        except_post_id: int | None = None,
    ) -> SlotUsage:
        """Count the posts of these kinds that hold a slot, without the post `except_post_id`.

        `while_pending`: a post counts until its creator has dealt with it, otherwise for a day.
        """
        oldest = func.min(known_since())
        figures = select(
            func.count().label("count"), oldest.label("oldest"), func.now().label("now")
        )
        query = join_records(figures.select_from(Post)).where(
            Post.oauth_account_id == account_id,
            Post.kind.in_(kinds),
            Post.has_slot,
            Post.id != (except_post_id or 0),
            or_(is_reserved(), is_counted(while_pending=while_pending)),
        )
        return SlotUsage(**self._session.execute(query).mappings().one())

    def count_starts(self, account_id: int, *, within: timedelta) -> SlotUsage:
        """Count the starts of this account within that time."""
        oldest = func.min(Post.started_at)
        query = select(
            func.count().label("count"), oldest.label("oldest"), func.now().label("now")
        ).where(Post.oauth_account_id == account_id, Post.started_at > func.now() - within)
        return SlotUsage(**self._session.execute(query).mappings().one())


def is_reserved() -> ColumnElement[bool]:
    """Condition: not known to the platform yet. The slot counts for as long as the post waits."""
    return is_without_record() & Post.state.not_in(FINAL_POST_STATES)


def is_counted(*, while_pending: bool) -> ColumnElement[bool]:
    """Condition: known to the platform, and not older than a day there.

    With `while_pending` it counts until the creator has dealt with it, otherwise for the whole day.
    """

    def is_active(table: RecordTable) -> Any:
        if while_pending:
            return table.model.status.in_(table.pending_statuses)
        return table.model.status != table.failed_status

    def is_recent(table: RecordTable) -> Any:
        return table.model.created_at > func.now() - QUOTA_WINDOW

    return has_record(lambda table: is_recent(table) & is_active(table))
