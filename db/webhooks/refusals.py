"""Table `webhook_refusals`: deliveries that were refused, counted by day and reason, with samples.

They are not events: nobody has proved who sent them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Index, String, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn

MAX_SAMPLES_PER_DAY = 20  # of one platform and reason


class WebhookRefusal(IdColumn, Base):
    __tablename__ = "webhook_refusals"

    day: Mapped[date] = mapped_column(Date, comment="in UTC")
    provider: Mapped[str] = mapped_column(String(50))
    reason: Mapped[str] = mapped_column(
        String(50), comment="e.g. bad_signature, stale or other_app"
    )
    count: Mapped[int] = mapped_column(server_default="0")
    last_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    samples: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default="[]", comment="some of them, with the start of the body"
    )

    __table_args__ = (
        UniqueConstraint("day", "provider", "reason"),
        Index("idx_webhook_refusals_last", "last_at"),
        {"comment": "Webhook deliveries that were refused, by day and reason"},
    )


@dataclass(frozen=True)
class RefusedGroup:
    """Refused deliveries of one platform and reason: how many, and samples of them as JSON."""

    provider: str
    reason: str
    count: int
    samples: tuple[Mapping[str, Any], ...] = ()


class WebhookRefusals:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, group: RefusedGroup) -> None:
        """Count a group on today's row, and keep its samples while there are fewer than allowed.

        The row stays locked until the transaction ends, so that processes do not add too many.
        """
        now = func.clock_timestamp()
        today = func.date(func.timezone("UTC", now))
        insertion = insert(WebhookRefusal).values(
            day=today, provider=group.provider, reason=group.reason, count=group.count
        )
        upsert = insertion.on_conflict_do_update(
            index_elements=["day", "provider", "reason"],
            set_={"count": WebhookRefusal.count + group.count, "last_at": now},
        )
        refusal = self._session.scalars(
            upsert.returning(WebhookRefusal), execution_options={"populate_existing": True}
        ).one()
        room = MAX_SAMPLES_PER_DAY - len(refusal.samples)
        if room > 0 and group.samples:
            refusal.samples = [*refusal.samples, *map(dict, group.samples[:room])]

    def count_today(self) -> int:
        today = func.date(func.timezone("UTC", func.now()))
        query = select(func.coalesce(func.sum(WebhookRefusal.count), 0))
        return int(self._session.scalar(query.where(WebhookRefusal.day == today)) or 0)

    def list_recent(self, *, within: timedelta) -> Sequence[WebhookRefusal]:
        """Return the rows of this period, the newest day and the largest count first."""
        query = select(WebhookRefusal).where(WebhookRefusal.last_at > func.now() - within)
        order = (WebhookRefusal.day.desc(), WebhookRefusal.count.desc(), WebhookRefusal.id)
        return self._session.scalars(query.order_by(*order)).all()
