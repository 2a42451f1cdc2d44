"""The tables `alert_notices` and `alert_deliveries`: notices to operators, and who got them.

A notice is written in the transaction that opens or resolves its alert, and delivered afterwards:
whichever process dies between the two, another one delivers it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ForeignKey,
    Index,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn, Json, one_of
from db.ops.alerts import Alert

OPENED, MORE, REMINDER, OVER, TEST = NOTICE_KINDS = ("opened", "more", "reminder", "over", "test")

NEW_SINK_PERIOD = timedelta(hours=1)
"""A sink that is configured now gets no notices that are older than this."""

MAX_CLAIMED_NOTICES = 10
NO_SYNC = {"synchronize_session": False}


class AlertNotice(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "alert_notices"

    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id", ondelete="CASCADE"))
    kind: Mapped[str]
    content: Mapped[Json] = mapped_column(JSONB)
    due_at: Mapped[datetime] = mapped_column(comment="before this it may be withdrawn")

    __table_args__ = (
        Index("idx_alert_notices_alert", "alert_id"),
        Index(
            "uq_alert_notices_once",
            "alert_id",
            "kind",
            unique=True,
            postgresql_where=text("kind IN ('opened', 'over')"),
        ),
        Index("idx_alert_notices_due", "due_at"),
        one_of("kind", NOTICE_KINDS),
        {"comment": "Notices to operators: one when an alert opens, one when it is over"},
    )


class NoticeDelivery(Base):
    __tablename__ = "alert_deliveries"

    notice_id: Mapped[int] = mapped_column(
        ForeignKey("alert_notices.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sink: Mapped[str] = mapped_column(primary_key=True, comment="http, slack or email")
    due_at: Mapped[datetime | None] = mapped_column(comment="NULL: delivered or given up")
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index(
            "idx_alert_deliveries_due",
            "sink",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        {"comment": "Which notice was delivered to which sink"},
    )


class ClaimedNotice(NamedTuple):
    """A notice to deliver. Units: `age` since it became due."""

    notice_id: int
    alert_id: int
    kind: str
    content: Json
    attempts: int
    age: timedelta


class AlertNotices:
    """Notices of one installation. Times are the database's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, alert_id: int, kind: str, content: Json, *, delay: timedelta = timedelta(0)
    ) -> int | None:
        """Write a notice that is due after `delay`. None if there is one of its kind already."""
        values = {"alert_id": alert_id, "kind": kind, "content": content}
        statement = insert(AlertNotice).values(**values, due_at=func.clock_timestamp() + delay)
        notice_id: int | None = self._session.scalar(
            statement.on_conflict_do_nothing().returning(AlertNotice.id)
        )
        return notice_id

    def withdraw_over(self, alert_name: str) -> int | None:
        """Withdraw the notice that an alert is over, unless it is due. Returns the alert's id."""
        ids = select(Alert.id).where(Alert.name == alert_name)
        statement = delete(AlertNotice).where(
            AlertNotice.alert_id.in_(ids),
            AlertNotice.kind == OVER,
            AlertNotice.due_at > func.clock_timestamp(),
        )
        alert_id: int | None = self._session.scalar(
            statement.returning(AlertNotice.alert_id), execution_options=NO_SYNC
        )
        return alert_id

    def add_delivered(self, notice_id: int, sinks: Sequence[str]) -> None:
        """Record that sinks have this notice already: it was sent while the database was away."""
        for sink in sinks:
            row = {"notice_id": notice_id, "sink": sink, "delivered_at": func.now()}
            self._session.execute(insert(NoticeDelivery).values(**row).on_conflict_do_nothing())


class NoticeDeliveries:
    """The deliveries of one sink."""

    def __init__(self, session: Session, sink: str) -> None:
        self._session, self._sink = session, sink

    def claim(self, lease: timedelta) -> list[ClaimedNotice]:
        """Lease due notices, the oldest first; a later one of the same alert waits for its turn."""
        self._add_missing()
        now = func.clock_timestamp()
        earlier, earlier_notice = aliased(NoticeDelivery), aliased(AlertNotice)
        has_earlier = (
            select(literal(1))
            .join_from(earlier, earlier_notice, earlier_notice.id == earlier.notice_id)
            .where(
                earlier.sink == self._sink,
                earlier.due_at.is_not(None),
                earlier_notice.alert_id == AlertNotice.alert_id,
                earlier_notice.id < AlertNotice.id,
            )
            .exists()
        )
        query = (
            select(NoticeDelivery, AlertNotice, now - AlertNotice.due_at)
            .join_from(NoticeDelivery, AlertNotice, AlertNotice.id == NoticeDelivery.notice_id)
            .where(
                NoticeDelivery.sink == self._sink,
                NoticeDelivery.due_at <= now,
                or_(NoticeDelivery.leased_until.is_(None), NoticeDelivery.leased_until < now),
                ~has_earlier,
            )
            .order_by(AlertNotice.id)
            .limit(MAX_CLAIMED_NOTICES)
            .with_for_update(of=NoticeDelivery, skip_locked=True)
        )
        rows = self._session.execute(query).all()
        for delivery, _, _ in rows:
            delivery.leased_until = now + lease
            delivery.attempts += 1
        return [
            ClaimedNotice(
                notice.id, notice.alert_id, notice.kind, notice.content, delivery.attempts, age
            )
            for delivery, notice, age in rows
        ]

    def record_delivered(self, notice_id: int) -> None:
        self._update(notice_id, due_at=None, delivered_at=func.now(), last_error=None)

    def record_failure(self, notice_id: int, error: str, retry_after: timedelta | None) -> None:
        """Store why it failed; `retry_after` None gives it up."""
        due_at = None if retry_after is None else func.clock_timestamp() + retry_after
        self._update(notice_id, due_at=due_at, last_error=error)

    def _add_missing(self) -> None:
        """Add this sink's delivery of each notice that has become due since the last look."""
        now = func.clock_timestamp()
        is_known = (
            select(literal(1))
            .where(NoticeDelivery.notice_id == AlertNotice.id, NoticeDelivery.sink == self._sink)
            .exists()
        )
        missing = select(AlertNotice.id, literal(self._sink), AlertNotice.due_at).where(
            AlertNotice.due_at <= now, AlertNotice.due_at > now - NEW_SINK_PERIOD, ~is_known
        )
        statement = insert(NoticeDelivery).from_select(["notice_id", "sink", "due_at"], missing)
        self._session.execute(statement.on_conflict_do_nothing())

    def _update(self, notice_id: int, **values: object) -> None:
        statement = update(NoticeDelivery).where(
            NoticeDelivery.notice_id == notice_id,
            NoticeDelivery.sink == self._sink,
            NoticeDelivery.due_at.is_not(None),
        )
        self._session.execute(
            statement.values(leased_until=None, **values), execution_options=NO_SYNC
        )


class FailingSink(NamedTuple):
    """A sink with notices that could not be delivered."""

    sink: str
    waiting: int
    attempts: int
    last_error: str


def list_failing_sinks(session: Session, *, min_attempts: int) -> list[FailingSink]:
    """Return each sink that failed so often in a row to take a notice."""
    query = (
        select(
            NoticeDelivery.sink,
            func.count(),
            func.max(NoticeDelivery.attempts),
            func.max(NoticeDelivery.last_error),
        )
        .where(NoticeDelivery.due_at.is_not(None), NoticeDelivery.attempts >= min_attempts)
        .where(NoticeDelivery.last_error.is_not(None))
        .group_by(NoticeDelivery.sink)
    )
    return [
        FailingSink(sink, waiting, attempts, error or "")
        for sink, waiting, attempts, error in session.execute(query)
    ]
