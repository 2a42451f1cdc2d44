"""The numbers that alert conditions compare with their limits. Times are the database's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Interval,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, AccountStatus
from db.insights.schedule import SamplingSchedule
from db.ops.attempts import Attempt
from db.ops.audit import CONNECT_REFUSED, CONNECTED, AuditEntry
from db.outbox.endpoints import Endpoint
from db.posts.posts import Post
from db.webhooks.events import Event

ZERO_DURATION = timedelta(0)
FAILED_OUTCOMES = ("retry", "failed")
NO_CODE = "unknown"
ACCOUNT_SUBJECT_PATTERN = r"^account:(\d+)$"
MAX_CODES = 20
MAX_RECENT_POSTS = 100_000  # that are looked at; the others ended long ago


class CountedShare(NamedTuple):
    """How many of how many, and the error codes of those."""

    affected: int
    total: int
    codes: dict[str, int]


def is_new_post() -> ColumnElement[bool]:
    """Whether it is among the newest posts. No index has their times alone, so the key is used."""
    newest_id = select(func.max(Post.id)).scalar_subquery()
    return Post.id > newest_id - MAX_RECENT_POSTS


class AlertQueries:
    """Each query is served by an index, or by a table that is small in every installation."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def dead_events(self) -> dict[str, int]:
        """Events whose attempts are used up, by error code."""
        code = func.split_part(func.coalesce(Event.last_error, NO_CODE), ":", 1)
        return self._count_by_code(code, Event.dead_at.is_not(None), Event.status == "dead")

    def count_unreadable(self, event_type: str, *, within: timedelta) -> int:
        """Count events of the type that marks correctly signed, unreadable deliveries."""
        return self._count(
            select(Event.id).where(
                Event.event_type == event_type, Event.created_at > func.now() - within
            )
        )

    def count_backlog(self, *, older_than: timedelta) -> int:
        """Webhook events overdue by more than `older_than`. One that waits to retry is not due."""
        is_pending = (Event.processed_at.is_(None), Event.dead_at.is_(None))
        return self._count(
            select(Event.id).where(*is_pending, Event.due_at < func.now() - older_than)
        )

    def first_attempt_latency(self, *, within: timedelta) -> tuple[int, timedelta]:
        """Return the number of events applied at their first attempt, and their latency.

        The latency is the 95th percentile of the time from storing to applying an event. Events
        that were retried are left out: they may have waited for a post on purpose.
        """
        percentile = func.percentile_cont(0.95).within_group(Event.processed_at - Event.created_at)
        conditions = (Event.status == "done", Event.attempts == 1)
        query = select(func.count(), type_coerce(percentile, Interval())).where(
            *conditions, Event.processed_at > func.now() - within
        )
        count, latency = self._session.execute(query).one()
        return count, latency or ZERO_DURATION

    def failed_posts(self, *, within: timedelta) -> CountedShare:
        """Posts that finished, and those of them that failed."""
        is_recent = and_(is_new_post(), Post.finished_at > func.now() - within)
        codes = self._count_by_code(
            func.coalesce(Post.error_code, NO_CODE), is_recent, Post.state == "FAILED"
        )
        total = self._count(select(Post.id).where(is_recent))
        return CountedShare(sum(codes.values()), total, codes)

    def unconfirmed_posts(self, *, older_than: timedelta, within: timedelta) -> CountedShare:
        """Posts whose outcome is unknown for `older_than`, and the posts made `within`."""
        started_at = func.coalesce(Post.started_at, Post.created_at)
        unconfirmed = select(Post.id).where(
            Post.state == "UNCONFIRMED",
            started_at < func.now() - older_than,
            or_(Post.due_at.is_not(None), is_new_post()),
        )
        is_recent = and_(is_new_post(), Post.created_at > func.now() - within)
        count = self._count(unconfirmed)
        total = self._count(select(Post.id).where(is_recent)) if count else 0
        return CountedShare(count, total, {})

    def refused_connections(self, *, within: timedelta) -> CountedShare:
        """Attempts of people to connect an account, and those of them that failed."""
        is_recent = AuditEntry.at > func.now() - within
        is_refused = AuditEntry.action == CONNECT_REFUSED
        is_connected = and_(AuditEntry.action == CONNECTED, AuditEntry.details.has_key("provider"))
        code = func.coalesce(AuditEntry.details["code"].astext, NO_CODE)
        codes = self._count_by_code(code, is_recent, is_refused)
        total = self._count(select(AuditEntry.id).where(is_recent, or_(is_refused, is_connected)))
        return CountedShare(sum(codes.values()), total, codes)

    def failed_rows(self, kind: str, *, within: timedelta) -> CountedShare:
        """Rows of this kind of jobs that had an attempt, and those of which one failed."""
        is_failed = Attempt.outcome.in_(FAILED_OUTCOMES)
        conditions = (
            Attempt.kind == kind,
            Attempt.started_at > func.now() - within,
            Attempt.outcome.is_not(None),
        )
        counted = case((is_failed, Attempt.row_id))
        query = select(func.count(counted.distinct()), func.count(Attempt.row_id.distinct())).where(
            *conditions
        )
        count, total = self._session.execute(query).one()
        code = func.coalesce(Attempt.code, NO_CODE)
        codes = self._count_by_code(code, *conditions, is_failed) if count else {}
        return CountedShare(count, total, codes)

    def count_failed_attempts(self, kind: str, *, within: timedelta, code: str) -> int:
        """Count attempts of this kind of jobs that failed with this code, retried or not."""
        return self._count(
            select(Attempt.id).where(
                Attempt.kind == kind,
                Attempt.outcome.in_(FAILED_OUTCOMES),
                Attempt.started_at > func.now() - within,
                Attempt.code == code,
            )
        )

    def count_accounts(self, statuses: Sequence[str]) -> int:
        return self._count(select(Account.id).where(Account.status.in_(statuses)))

    def removed_grants(self, action: str, *, within: timedelta) -> dict[str, CountedShare]:
        """Platform → accounts about which the audit log has this action, of those with a grant.

        Accounts that were connected again meanwhile count too; those that were erased do not.
        """
        account_id = cast(func.substring(AuditEntry.subject, ACCOUNT_SUBJECT_PATTERN), BigInteger)
        cause = func.coalesce(AuditEntry.details["cause"].astext, NO_CODE)
        groups = (Account.provider, type_coerce(cause, Text()))
        query = select(*groups, func.count(Account.id.distinct())).join(
            Account, Account.id == account_id
        )
        conditions = (AuditEntry.action == action, AuditEntry.at > func.now() - within)
        codes: dict[str, dict[str, int]] = {}
        for provider, code, count in self._session.execute(
            query.where(*conditions).group_by(*groups)
        ):
            codes.setdefault(provider, {})[code[:60]] = count
        return {
            provider: self._share_of_grants(provider, by_cause)
            for provider, by_cause in codes.items()
        }

    def _share_of_grants(self, provider: str, removed: dict[str, int]) -> CountedShare:
        live = select(Account.id).where(
            Account.provider == provider, Account.status == AccountStatus.ACTIVE
        )
        count = sum(removed.values())
        return CountedShare(count, count + self._count(live), removed)

    def expired_tokens(self, *, overdue: timedelta) -> CountedShare:
        """Live accounts, and those whose access token ended so long ago without a new one."""
        is_live = Account.status == AccountStatus.ACTIVE
        expired = select(Account.id).where(is_live, Account.expires_at < func.now() - overdue)
        return CountedShare(
            self._count(expired), self._count(select(Account.id).where(is_live)), {}
        )

    def paused_reading(self) -> CountedShare:
        """Accounts whose reading waits for the platform's call limit, of all that are read."""
        is_paused = SamplingSchedule.paused_until > func.now()
        code = func.coalesce(SamplingSchedule.problem, NO_CODE)
        codes = self._count_by_code(code, is_paused)
        return CountedShare(sum(codes.values()), self._count(select(SamplingSchedule.id)), codes)

    def failing_endpoints(self, *, longer_than: timedelta) -> CountedShare:
        """Endpoints of host applications that are enabled, and those that fail for so long."""
        is_enabled = Endpoint.disabled_at.is_(None)
        failing = select(Endpoint.id).where(
            is_enabled, Endpoint.failing_since < func.now() - longer_than
        )
        return CountedShare(
            self._count(failing), self._count(select(Endpoint.id).where(is_enabled)), {}
        )

    def needs_standby(self) -> bool:
        """Whether commits wait for a synchronous standby."""
        return bool(self._session.scalar(select(func.current_setting("synchronous_standby_names"))))

    def count_synchronous_standbys(self) -> int:
        """Count connected standbys that commits wait for.

        A role without pg_monitor sees the standbys and not their state; then all count.
        """
        query = text(
            "SELECT count(*) FROM pg_stat_replication"
            " WHERE sync_state IS NULL OR sync_state IN ('sync', 'quorum')"
        )
        return self._session.scalar(query) or 0

    def _count_by_code(self, code: Any, *conditions: ColumnElement[bool]) -> dict[str, int]:
        column = type_coerce(code, Text()).label("code")
        query = select(column, func.count()).where(*conditions).group_by(column)
        rows = self._session.execute(query.order_by(func.count().desc()).limit(MAX_CODES))
        return {str(name)[:60]: int(count) for name, count in rows}

    def _count(self, rows: Select[Any]) -> int:
        return self._session.scalar(select(func.count()).select_from(rows.subquery())) or 0
