"""The table `sign_in_failures`: failed attempts to sign in per account, with growing pauses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, Integer, case, cast, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn

MAX_DOUBLINGS = 20  # of the first pause: a higher power of two would only overflow


@dataclass(frozen=True)
class PausePolicy:
    """Attempts that are free, the first pause after them, and the longest; each pause doubles.

    `forgotten_after` is the time without attempts after which counting begins anew.
    """

    free_attempts: int
    first_pause: timedelta
    longest_pause: timedelta
    forgotten_after: timedelta


class SignInFailure(IdColumn, Base):
    __tablename__ = "sign_in_failures"

    subject: Mapped[str] = mapped_column(
        unique=True, comment="SHA-256 of an account, or of an account and a network"
    )
    failures: Mapped[int] = mapped_column(comment="attempts since the last success")
    last_at: Mapped[datetime]
    paused_until: Mapped[datetime] = mapped_column(comment="no password is checked before")

    __table_args__ = (
        Index("idx_sign_in_failures_last", "last_at"),
        {"comment": "Failed attempts to sign in, counted per account"},
    )


class SignInFailures:
    def __init__(self, session: Session) -> None:
        self._session = session

    def count_attempt(self, subject: str, policy: PausePolicy) -> timedelta | None:
        """Count an attempt that is about to be judged, or return how long to wait instead.

        An attempt counts as failed until `forget`: parallel ones cannot pass together, because
        the pause that follows a failure begins here. One that has to wait is not counted.
        """
        table: Any = SignInFailure.__table__
        now = func.clock_timestamp()
        is_forgotten = table.c.last_at < now - policy.forgotten_after
        failures = case((is_forgotten, 1), else_=table.c.failures + 1)
        first = insert(table).values(
            subject=subject, failures=1, last_at=now, paused_until=now + pause_after(1, policy)
        )
        upsert = first.on_conflict_do_update(
            index_elements=["subject"],
            set_={
                "failures": failures,
                "last_at": now,
                "paused_until": now + pause_after(failures, policy),
            },
            where=or_(table.c.paused_until <= now, is_forgotten),
        )
        if self._session.scalar(upsert.returning(table.c.id)) is not None:
            return None
        return self._session.scalar(
            select(func.greatest(table.c.paused_until - now, timedelta(0))).where(
                table.c.subject == subject
            )
        ) or timedelta(seconds=1)

    def forget(self, subject: str) -> None:
        """The attempt was a success: the account's failures count no longer."""
        self._session.execute(
            delete(SignInFailure).where(SignInFailure.subject == subject),
            execution_options={"synchronize_session": False},
        )


def pause_after(failures: Any, policy: PausePolicy) -> Any:
    """SQL: the pause that follows this many failures."""
    beyond = literal(failures) if isinstance(failures, int) else failures
    doublings = func.least(beyond - policy.free_attempts, MAX_DOUBLINGS)
    pause = policy.first_pause * cast(func.power(2, func.greatest(doublings, 0)), Integer)
    return case(
        (beyond < policy.free_attempts, timedelta(0)),
        else_=func.least(pause, policy.longest_pause),
    )
