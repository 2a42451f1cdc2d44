"""Numbers over time. A missing number is a missing row, never a zero."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Index, Numeric, String, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PROVIDERS, Base, Identified, one_of


class MetricSnapshot(Identified, Base):
    __tablename__ = "metric_snapshots"

    provider: Mapped[str] = mapped_column(String(50))
    subject_type: Mapped[str] = mapped_column(comment="account, post or media")
    subject_id: Mapped[int]
    metric: Mapped[str]
    value: Mapped[Decimal] = mapped_column(Numeric)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("idx_metric_snapshots_subject", "subject_type", "subject_id", "metric", "taken_at"),
        Index("idx_metric_snapshots_taken", "taken_at"),
        one_of("provider", PROVIDERS),
        {"comment": "Metrics as they were at a time"},
    )
