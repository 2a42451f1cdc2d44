"""Numbers over time. A missing number is a missing row, never a zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric, String, delete, func, insert, select, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import PROVIDERS, Base, Identified, one_of
from db.storage import GROWING

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # from which intervals are counted


class MetricSnapshot(Identified, Base):
    __tablename__ = "metric_snapshots"

    provider: Mapped[str] = mapped_column(String(50))
    subject_type: Mapped[str] = mapped_column(comment="account, video, post or media")
    subject_id: Mapped[int]
    metric: Mapped[str]
    value: Mapped[Decimal] = mapped_column(Numeric)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("idx_metric_snapshots_subject", "subject_type", "subject_id", "metric", "taken_at"),
        Index("idx_metric_snapshots_taken", "taken_at"),
        one_of("provider", PROVIDERS),
        {"comment": "Metrics as they were at a time", "postgresql_with": GROWING},
    )


@dataclass(frozen=True)
class Subject:
    """What is counted, by our own id; each kind names one table, whatever the provider."""

    kind: str
    id: int
    provider: str = "tiktok"


@dataclass(frozen=True)
class Span:
    """From when until when, and one value for every `step` of it; None: each value there is."""

    since: datetime
    until: datetime
    step: timedelta | None = None


@dataclass(frozen=True)
class Value:
    """`at` is when it was taken, `slot` the interval it stands for."""

    slot: datetime
    metric: str
    value: int
    at: datetime


class Snapshots:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, numbers: Mapping[Subject, Mapping[str, int]]) -> int:
        """As they are now, all at one time; how many there were."""
        rows = [
            {
                "provider": subject.provider,
                "subject_type": subject.kind,
                "subject_id": subject.id,
                "metric": metric,
                "value": value,
            }
            for subject, counts in numbers.items()
            for metric, value in counts.items()
        ]
        if rows:
            self._session.execute(insert(MetricSnapshot), rows)
        return len(rows)

    def latest(self, subject: Subject, metrics: Sequence[str]) -> dict[str, Value]:
        """The last number of each; what was never told is missing."""
        each = [
            select(MetricSnapshot.metric, MetricSnapshot.value, MetricSnapshot.taken_at)
            .where(*of(subject), MetricSnapshot.metric == metric)
            .order_by(MetricSnapshot.taken_at.desc())
            .limit(1)
            for metric in metrics
        ]
        rows = self._session.execute(union_all(*each)).all() if each else ()
        return {name: Value(at, name, int(value), at) for name, value, at in rows}

    def series(
        self,
        subject: Subject,
        metrics: Sequence[str],
        span: Span,
        *,
        after: datetime | None = None,
        limit: int,
    ) -> Sequence[Value]:
        """The last values of each interval, oldest first; of `limit` intervals at least.

        Shapes: `after` is the slot of the last one that is known already.
        """
        taken: Any = MetricSnapshot.taken_at
        slot = taken if span.step is None else func.date_bin(span.step, taken, BEGINNING)
        rest = [taken >= span.since, taken < span.until]
        if after is not None:
            rest.append(taken > after if span.step is None else taken >= after + span.step)
        found = (
            select(slot.label("slot"), MetricSnapshot.metric, MetricSnapshot.value, taken)
            .ext(distinct_on(slot, MetricSnapshot.metric))
            .where(*of(subject), MetricSnapshot.metric.in_(metrics), *rest)
            .order_by(slot, MetricSnapshot.metric, taken.desc())
            .limit(limit * len(metrics))
        )
        rows = self._session.execute(found)
        return [Value(start, metric, int(value), at) for start, metric, value, at in rows]

    def drop(self, subject: Subject) -> None:
        """All of its history."""
        gone = delete(MetricSnapshot).where(*of(subject))
        self._session.execute(gone, execution_options={"synchronize_session": False})


def of(subject: Subject) -> tuple[Any, ...]:
    return (
        MetricSnapshot.subject_type == subject.kind,
        MetricSnapshot.subject_id == subject.id,
    )
