"""Counts of quota slots: how many posts of an account hold one and since when, and the locks that
make the counts exact. The limits are in `core/publishing/quota.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, any_, false, func, or_, select, text, true, union_all

from db.accounts.accounts import Account
from db.posts.posts import Post, is_unfinished
from db.publishing.record_joins import is_without_record, join_records
from db.records.post_records import RECORD_TABLES
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
        latest_slots = [
            query.where(Post.oauth_account_id == Account.id).order_by(text("at DESC")).limit(1)
            for query in select_slots(Post.oauth_account_id, kinds, while_pending=False)
        ]
        taken = union_all(
            *(
                select(Account.id.label("id"), slot.c.at).join_from(Account, slot, true())
                for slot in (query.correlate(Account).lateral() for query in latest_slots)
            )
        ).subquery()
        query = select(taken.c.id, func.max(taken.c.at)).group_by(taken.c.id)
        return {int(account): at for account, at in self._session.execute(query)}

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
        slots = union_all(
            *(
                query.where(Post.oauth_account_id == account_id, Post.id != (except_post_id or 0))
                for query in select_slots(Post.id, kinds, while_pending=while_pending)
            )
        ).subquery()
        query = select(
            func.count().label("count"),
            func.min(slots.c.at).label("oldest"),
            func.now().label("now"),
        ).select_from(slots)
        return SlotUsage(**self._session.execute(query).mappings().one())

    def count_starts(self, account_id: int, *, within: timedelta) -> SlotUsage:
        """Count the starts of this account within that time."""
        oldest = func.min(Post.started_at)
        query = select(
            func.count().label("count"), oldest.label("oldest"), func.now().label("now")
        ).where(Post.oauth_account_id == account_id, is_start_within(within))
        return SlotUsage(**self._session.execute(query).mappings().one())


def is_start_within(window: timedelta) -> ColumnElement[bool]:
    """Condition: the post was started within that time."""
    since = func.now() - window
    # the second part is implied by the first; it leads to indexes
    return and_(Post.started_at > since, or_(is_unfinished(), Post.finished_at > since))


def select_slots(
    value: Any, kinds: Sequence[str], *, while_pending: bool, account_ids: Any = None
) -> list[Any]:
    """Queries of the posts that hold a slot: columns `value`, `at` when it was taken, and
    `waits` if the post is not known to the platform.

    One of posts that the platform does not know yet, which hold it for as long as they wait; one
    for each table of records, of posts that are not older than a day there. With `while_pending`
    these count until the creator has dealt with them, otherwise for the whole day. They are
    separate because one condition for all would read every post of an account. `account_ids`: an
    array of SQL with the accounts of these posts.
    """
    holds_slot = (Post.kind.in_(kinds), Post.has_slot)
    columns = (value.label("value"), Post.created_at.label("at"), true().label("waits"))
    reserved = join_records(select(*columns)).where(
        *(is_without_record(), is_unfinished(), *holds_slot),
        *is_among(Post.oauth_account_id, account_ids),
    )
    return [
        reserved,
        *(
            select(
                value.label("value"),
                table.model.created_at.label("at"),
                false().label("waits"),
            )
            .select_from(table.model)
            .join(Post, Post.id == table.model.post_id)
            .where(
                # the record's account is that of the post; named twice to lead to its index
                table.model.oauth_account_id == Post.oauth_account_id,
                *is_among(table.model.oauth_account_id, account_ids),
                table.model.created_at > func.now() - QUOTA_WINDOW,
                is_active(table, while_pending=while_pending),
                *holds_slot,
            )
            for table in RECORD_TABLES.values()
        ),
    ]


def is_among(column: Any, account_ids: Any) -> tuple[ColumnElement[bool], ...]:
    return () if account_ids is None else (column == any_(account_ids),)


def is_active(table: RecordTable, *, while_pending: bool) -> ColumnElement[bool]:
    """Condition: not dealt with yet; without `while_pending`: not failed."""
    status = table.model.status
    condition: ColumnElement[bool] = (
        status.in_(table.pending_statuses) if while_pending else status != table.failed_status
    )
    return condition
