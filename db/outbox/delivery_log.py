"""Deliveries of an endpoint as its owner reads them: filtered, counted, made due again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from db.outbox.deliveries import Delivery
from db.outbox.messages import OutboxMessage

MAX_COUNTED_DELIVERIES = 1000
"""Of the newest deliveries of an endpoint, so many are counted at most."""


class DeliveryState(StrEnum):
    """What became of a delivery. A paused one waits until its endpoint is enabled."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    PAUSED = "paused"
    DEAD = "dead"


IS_DEAD = Delivery.dead_at.is_not(None)
IS_DUE = or_(Delivery.due_at.is_not(None), Delivery.leased_until.is_not(None))
STATE_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    DeliveryState.DEAD: IS_DEAD,
    DeliveryState.WAITING: and_(~IS_DEAD, IS_DUE),
    DeliveryState.PAUSED: and_(~IS_DEAD, ~IS_DUE, Delivery.delivered_at.is_(None)),
    DeliveryState.DELIVERED: and_(~IS_DEAD, ~IS_DUE, Delivery.delivered_at.is_not(None)),
}


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries of an endpoint are listed. None: no condition."""

    event: str | None = None
    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class DeliveryCounts:
    """How many deliveries of a period have ended, and how many of them were delivered."""

    ended: int
    delivered: int


class DeliveryLog:
    def __init__(self, session: Session) -> None:
        self._session = session

    def page(
        self, endpoint_id: int, wanted: DeliveryFilter, *, limit: int, before: int | None = None
    ) -> Sequence[tuple[Delivery, OutboxMessage]]:
        """Return deliveries of an endpoint, newest first; `before` is the last id seen."""
        query = (
            select(Delivery, OutboxMessage)
            .join(OutboxMessage, OutboxMessage.id == Delivery.message_id)
            .where(Delivery.endpoint_id == endpoint_id, *filter_conditions(wanted))
        )
        if before is not None:
            query = query.where(Delivery.id < before)
        rows = self._session.execute(query.order_by(Delivery.id.desc()).limit(limit)).all()
        return [(delivery, message) for delivery, message in rows]

    def count_results(self, endpoint_id: int, *, within: timedelta) -> DeliveryCounts:
        """Count the newest deliveries of the period that have ended, at most a thousand."""
        newest = (
            select(Delivery.delivered_at, Delivery.dead_at)
            .where(Delivery.endpoint_id == endpoint_id, Delivery.created_at > func.now() - within)
            .order_by(Delivery.id.desc())
            .limit(MAX_COUNTED_DELIVERIES)
            .subquery()
        )
        has_ended = or_(newest.c.delivered_at.is_not(None), newest.c.dead_at.is_not(None))
        is_delivered = and_(newest.c.delivered_at.is_not(None), newest.c.dead_at.is_(None))
        query = select(
            func.count().filter(has_ended).label("ended"),
            func.count().filter(is_delivered).label("delivered"),
        ).select_from(newest)
        row = self._session.execute(query).one()
        return DeliveryCounts(row.ended, row.delivered)

    def count_dead(self, endpoint_id: int, *, since: datetime, limit: int) -> int:
        """Count the dead letters of an endpoint that died since then; at most `limit`."""
        rows = dead_since(endpoint_id, since).limit(limit).subquery()
        return self._session.scalar(select(func.count()).select_from(rows)) or 0

    def requeue_dead(self, endpoint_id: int, *, since: datetime, limit: int) -> Sequence[int]:
        """Make dead letters due again with all attempts of the retry policy; return their ids."""
        oldest = dead_since(endpoint_id, since).order_by(Delivery.id).limit(limit)
        ids = self._session.scalars(oldest.with_for_update(skip_locked=True)).all()
        values = {"due_at": func.now(), "attempts": 0, "dead_at": None, "last_error": None}
        statement = update(Delivery).where(Delivery.id.in_(ids)).values(values)
        self._session.execute(statement, execution_options={"synchronize_session": False})
        return ids


def dead_since(endpoint_id: int, since: datetime) -> Select[Any]:
    return select(Delivery.id).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.dead_at >= since,
        Delivery.leased_until.is_(None),
    )


def filter_conditions(wanted: DeliveryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.event is not None:
        conditions.append(OutboxMessage.type == wanted.event)
    if wanted.state is not None:
        conditions.append(STATE_CONDITIONS[wanted.state])
    if wanted.since is not None:
        conditions.append(Delivery.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Delivery.created_at < wanted.until)
    return conditions
