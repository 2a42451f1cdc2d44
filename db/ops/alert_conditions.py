"""The tables `alert_conditions` and `monitor_leases`: what was judged last, and who judges."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Double, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base

ALERTS_LEASE = "alerts"
MAX_ERROR_LENGTH = 200  # characters


class ConditionState(Base):
    __tablename__ = "alert_conditions"

    name: Mapped[str] = mapped_column(primary_key=True)
    measured: Mapped[float | None] = mapped_column(Double())
    exceeded_since: Mapped[datetime | None] = mapped_column(
        comment="since when it is above its limit; NULL: is not"
    )
    judged_at: Mapped[datetime | None] = mapped_column(comment="when it was last measured")
    failed_since: Mapped[datetime | None] = mapped_column(
        comment="since when it cannot be measured; NULL: it can"
    )
    error: Mapped[str | None] = mapped_column(comment="why it cannot be measured")

    __table_args__ = ({"comment": "The state of each alert condition"},)


class MonitorLease(Base):
    __tablename__ = "monitor_leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str] = mapped_column(comment="host and process that judge the conditions")
    leased_until: Mapped[datetime]
    judged_at: Mapped[datetime | None] = mapped_column(
        comment="when all conditions were last judged"
    )

    __table_args__ = ({"comment": "Which process judges the alert conditions"},)


class ConditionStates:
    def __init__(self, session: Session) -> None:
        self._session = session

    def record(self, name: str, measured: float, *, is_exceeded: bool) -> timedelta | None:
        """Store what was measured. Returns how long the limit has been exceeded; None: it is not.

        Locks the row, so that one process at a time decides about a condition.
        """
        now = func.clock_timestamp()
        is_above = literal(is_exceeded)
        insertion = insert(ConditionState).values(
            name=name,
            measured=measured,
            judged_at=now,
            exceeded_since=case((is_above, now)),
        )
        since = func.coalesce(ConditionState.exceeded_since, now)
        statement = insertion.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "measured": measured,
                "judged_at": now,
                "exceeded_since": case((is_above, since)),
                "failed_since": None,
                "error": None,
            },
        )
        exceeded_for = now - ConditionState.exceeded_since
        duration: timedelta | None = self._session.scalar(statement.returning(exceeded_for))
        return duration

    def record_failure(self, name: str, error: str) -> None:
        """Store that a condition could not be measured, and why."""
        now = func.clock_timestamp()
        message = error[:MAX_ERROR_LENGTH]
        insertion = insert(ConditionState).values(name=name, failed_since=now, error=message)
        self._session.execute(
            insertion.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "failed_since": func.coalesce(ConditionState.failed_since, now),
                    "error": message,
                },
            )
        )

    def list_measured(self) -> dict[str, float]:
        """Return what was last measured, by the name of the condition."""
        rows = self._session.execute(select(ConditionState.name, ConditionState.measured))
        return {row[0]: row[1] for row in rows if row[1] is not None}

    def list_failed(self) -> Sequence[ConditionState]:
        query = select(ConditionState).where(ConditionState.failed_since.is_not(None))
        return self._session.scalars(query.order_by(ConditionState.name)).all()

    def delete_others(self, names: Sequence[str]) -> None:
        """Forget conditions that no version of ours judges any more."""
        rows = self._session.scalars(
            select(ConditionState).where(ConditionState.name.not_in(names))
        )
        for row in rows:
            self._session.delete(row)


class LeaseState(NamedTuple):
    """Whether we judge, and how long ago the conditions were judged; None: never."""

    is_ours: bool
    judged_age: timedelta | None


class MonitorLeases:
    def __init__(self, session: Session) -> None:
        self._session = session

    def renew(self, holder: str, duration: timedelta) -> LeaseState:
        """Take the lease, or keep it, unless another process holds it."""
        now = func.clock_timestamp()
        insertion = insert(MonitorLease).values(
            name=ALERTS_LEASE, holder=holder, leased_until=now + duration
        )
        is_free = or_(MonitorLease.holder == holder, MonitorLease.leased_until < now)
        renewal = insertion.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": holder, "leased_until": now + duration},
            where=is_free,
        )
        is_ours = self._session.scalar(renewal.returning(MonitorLease.name)) is not None
        return LeaseState(is_ours, self.judged_age())

    def judged_age(self) -> timedelta | None:
        """Return the time since the conditions were last judged; None if they never were."""
        return self._session.scalar(
            select(func.clock_timestamp() - MonitorLease.judged_at).where(
                MonitorLease.name == ALERTS_LEASE
            )
        )

    def record_round(self) -> None:
        """Record that all conditions were judged now, by whoever it was."""
        now = func.clock_timestamp()
        insertion = insert(MonitorLease).values(
            name=ALERTS_LEASE, holder="", leased_until=now, judged_at=now
        )
        self._session.execute(
            insertion.on_conflict_do_update(index_elements=["name"], set_={"judged_at": now})
        )
