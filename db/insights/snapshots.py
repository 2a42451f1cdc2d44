"""Metric snapshots: metrics at one time. An unknown metric is a missing row, never a zero."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, Numeric, String, delete, func, insert, select, text, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn, one_of
from db.providers import PROVIDERS

INTERVAL_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
"""Intervals of a series begin at multiples of their length after this time."""


class MetricSnapshot(IdColumn, Base):
    __tablename__ = "metric_snapshots"

    provider: Mapped[str] = mapped_column(String(50))
    subject_type: Mapped[str] = mapped_column(
        comment="kind of the subject: account, destination, video or media"
    )
    subject_id: Mapped[int]
    metric: Mapped[str]
    value: Mapped[Decimal] = mapped_column(Numeric)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("idx_metric_snapshots_subject", "subject_type", "subject_id", "metric", "taken_at"),
        Index("idx_metric_snapshots_taken", "taken_at"),
        one_of("provider", PROVIDERS),
        {
            "comment": "Metric values with the time they were taken at",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


@dataclass(frozen=True)
class MetricSubject:
    """A row that has metrics, by our own id; each kind names one table, for every provider."""

    kind: str
    id: int
    provider: str


@dataclass(frozen=True)
class TimeRange:
    """A time range, with one value per `step` of it; `step` None means every value."""

    since: datetime
    until: datetime
    step: timedelta | None = None


@dataclass(frozen=True)
class MetricValue:
    """One value of a metric. `at` is when it was taken, `slot` the interval it stands for."""

    slot: datetime
    metric: str
    value: int
    at: datetime


class MetricSnapshots:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, metrics: Mapping[MetricSubject, Mapping[str, int]]) -> int:
        """Insert the present metrics of each subject, all with one time. Return how many rows."""
        rows = [
            {
                "provider": subject.provider,
                "subject_type": subject.kind,
                "subject_id": subject.id,
                "metric": metric,
                "value": value,
            }
            for subject, values in metrics.items()
            for metric, value in values.items()
        ]
        if rows:
            self._session.execute(insert(MetricSnapshot), rows)
        return len(rows)

    def replace_points(
        self, subject: MetricSubject, metric: str, points: Mapping[datetime, int]
    ) -> None:
        """Store values that the platform gave for these times, instead of those it gave before."""
        if not points:
            return
        statement = delete(MetricSnapshot).where(
            *subject_conditions(subject),
            MetricSnapshot.metric == metric,
            MetricSnapshot.taken_at.in_(list(points)),
        )
        self._session.execute(statement, execution_options={"synchronize_session": False})
        rows = [
            {
                "provider": subject.provider,
                "subject_type": subject.kind,
                "subject_id": subject.id,
                "metric": metric,
                "value": value,
                "taken_at": at,
            }
            for at, value in points.items()
        ]
        self._session.execute(insert(MetricSnapshot), rows)

    def latest(self, subject: MetricSubject, metrics: Sequence[str]) -> dict[str, MetricValue]:
        """Return the last value of each metric; metrics without any value are left out."""
        queries = [
            select(MetricSnapshot.metric, MetricSnapshot.value, MetricSnapshot.taken_at)
            .where(*subject_conditions(subject), MetricSnapshot.metric == metric)
            .order_by(MetricSnapshot.taken_at.desc())
            .limit(1)
            for metric in metrics
        ]
        rows = self._session.execute(union_all(*queries)).all() if queries else ()
        return {name: MetricValue(at, name, int(value), at) for name, value, at in rows}

    def series(
        self,
        subject: MetricSubject,
        metrics: Sequence[str],
        time_range: TimeRange,
        *,
        after: datetime | None = None,
        limit: int,
    ) -> Sequence[MetricValue]:
        """Return the last value of each metric per interval, oldest interval first.

        Shapes: `limit` intervals at least; `after` is the slot of the last interval of the page
        before.
        """
        taken_at: Any = MetricSnapshot.taken_at
        slot = (
            taken_at
            if time_range.step is None
            else func.date_bin(time_range.step, taken_at, INTERVAL_ORIGIN)
        )
        conditions = [taken_at >= time_range.since, taken_at < time_range.until]
        if after is not None:
            conditions.append(
                taken_at > after if time_range.step is None else taken_at >= after + time_range.step
            )
        query = (
            select(slot.label("slot"), MetricSnapshot.metric, MetricSnapshot.value, taken_at)
            .ext(distinct_on(slot, MetricSnapshot.metric))
            .where(*subject_conditions(subject), MetricSnapshot.metric.in_(metrics), *conditions)
            .order_by(slot, MetricSnapshot.metric, taken_at.desc())
            .limit(limit * len(metrics))
        )
        rows = self._session.execute(query)
        return [MetricValue(start, metric, int(value), at) for start, metric, value, at in rows]

    def delete(self, kind: str, subject_id: int) -> None:
        """Delete all snapshots of a subject."""
        statement = delete(MetricSnapshot).where(
            MetricSnapshot.subject_type == kind, MetricSnapshot.subject_id == subject_id
        )
        self._session.execute(statement, execution_options={"synchronize_session": False})


def subject_conditions(subject: MetricSubject) -> tuple[Any, ...]:
    return (
        MetricSnapshot.subject_type == subject.kind,
        MetricSnapshot.subject_id == subject.id,
    )


@dataclass(frozen=True)
class SampledSubject:
    """Whose values are read. `since`: it has no older ones; None: not known."""

    kind: str
    id: int
    since: datetime | None = None


@dataclass(frozen=True)
class LastValue:
    """The last value that a metric of a subject had in an interval, named by its beginning."""

    kind: str
    subject_id: int
    begins: datetime
    value: int


LAST_VALUES_SQL = text("""
SELECT subject.kind, subject.id, span.place, last.value
  FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[]), CAST(:first_places AS integer[]))
       AS subject(kind, id, first_place)
 CROSS JOIN generate_series(subject.first_place, CAST(:last_place AS integer)) AS span(place)
 CROSS JOIN LATERAL (
   SELECT value FROM metric_snapshots
    WHERE subject_type = subject.kind AND subject_id = subject.id AND metric = :metric
      AND taken_at >= (CAST(:bounds AS timestamptz[]))[span.place]
      AND taken_at < (CAST(:bounds AS timestamptz[]))[span.place + 1]
    ORDER BY taken_at DESC LIMIT 1) AS last
 ORDER BY subject.kind, subject.id, span.place
""")


def list_last_values(
    session: Session,
    subjects: Sequence[SampledSubject],
    metric: str,
    *,
    bounds: Sequence[datetime],
) -> list[LastValue]:
    """Read one row of the index for each subject and interval, and none before the subject began.

    `bounds`: where the intervals begin, one after another, and where the last one ends.
    """
    values = {
        "metric": metric,
        "kinds": [subject.kind for subject in subjects],
        "ids": [subject.id for subject in subjects],
        "first_places": [find_first_place(subject, bounds) for subject in subjects],
        "last_place": len(bounds) - 1,
        "bounds": list(bounds),
    }
    rows = session.execute(LAST_VALUES_SQL, values) if subjects else ()
    return [
        LastValue(kind, subject_id, bounds[place - 1], int(value))
        for kind, subject_id, place, value in rows
    ]


def find_first_place(subject: SampledSubject, bounds: Sequence[datetime]) -> int:
    """Return the place of the first interval that ends after the subject began, from 1."""
    return 1 if subject.since is None else max(1, bisect_right(bounds, subject.since))
