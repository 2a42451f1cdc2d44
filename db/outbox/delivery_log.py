"""Deliveries of an endpoint as its owner reads them: filtered, counted, made due again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

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
    DISCARDED = "discarded"


HAS_DIED = Delivery.dead_at.is_not(None)
IS_DEAD = and_(HAS_DIED, Delivery.discarded_at.is_(None))
IS_DUE = or_(Delivery.due_at.is_not(None), Delivery.leased_until.is_not(None))
STATE_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    DeliveryState.DEAD: IS_DEAD,
    DeliveryState.DISCARDED: and_(HAS_DIED, Delivery.discarded_at.is_not(None)),
    DeliveryState.WAITING: and_(~HAS_DIED, IS_DUE),
    DeliveryState.PAUSED: and_(~HAS_DIED, ~IS_DUE, Delivery.delivered_at.is_(None)),
    DeliveryState.DELIVERED: and_(~HAS_DIED, ~IS_DUE, Delivery.delivered_at.is_not(None)),
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


class DiscardedDeliveries(NamedTuple):
    """The ids of the deliveries that were given up, and the time that marks them."""

    ids: Sequence[int]
    at: datetime


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
        values = {"due_at": func.now(), "attempts": 0, "dead_at": None, "last_error": None}
        return self._change_dead(endpoint_id, values, since=since, limit=limit)

    def discard_dead(self, endpoint_id: int, *, since: datetime, limit: int) -> DiscardedDeliveries:
        """Give the oldest dead letters up."""
        values = {"discarded_at": func.now()}
        ids = self._change_dead(endpoint_id, values, since=since, limit=limit)
        at: datetime = self._session.execute(select(func.now())).scalar_one()
        return DiscardedDeliveries(ids, at)

    def restore_discarded(self, endpoint_id: int, at: datetime) -> Sequence[int]:
        """Make dead letters again of what was given up at this time; return their ids."""
        discarded = is_discarded_at(endpoint_id, at)
        statement = update(Delivery).where(*discarded).values(discarded_at=None)
        options = {"synchronize_session": False}
        return self._session.scalars(
            statement.returning(Delivery.id), execution_options=options
        ).all()

    def count_discarded(self, endpoint_id: int, at: datetime) -> int:
        """Count what was given up at this time and is neither restored nor redelivered since."""
        query = select(func.count(Delivery.id)).where(*is_discarded_at(endpoint_id, at))
        return self._session.scalar(query) or 0

    def _change_dead(
        self, endpoint_id: int, values: Mapping[str, Any], *, since: datetime, limit: int
    ) -> Sequence[int]:
        oldest = dead_since(endpoint_id, since).order_by(Delivery.id).limit(limit)
        ids = self._session.scalars(oldest.with_for_update(skip_locked=True)).all()
        statement = update(Delivery).where(Delivery.id.in_(ids)).values(values)
        self._session.execute(statement, execution_options={"synchronize_session": False})
        return ids


def dead_since(endpoint_id: int, since: datetime) -> Select[Any]:
    return select(Delivery.id).where(
        Delivery.endpoint_id == endpoint_id,
        Delivery.dead_at >= since,
        Delivery.discarded_at.is_(None),
        Delivery.leased_until.is_(None),
    )


def is_discarded_at(endpoint_id: int, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions. That a delivery died before then lets Postgres use the index of the dead."""
    return (
        Delivery.endpoint_id == endpoint_id,
        Delivery.dead_at <= at,
        Delivery.discarded_at == at,
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
