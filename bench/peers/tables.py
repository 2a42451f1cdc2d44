"""The Flask peers' two tables, and how they store and apply an event."""

import hashlib
import os
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Engine,
    Identity,
    MetaData,
    String,
    Table,
    create_engine,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

metadata = MetaData()

events = Table(
    "webhook_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("external_id", String(64), nullable=False, unique=True),
    Column("publish_id", String(255)),
    Column("payload", JSONB, nullable=False),
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("created_at", DateTime(timezone=True), server_default=func.now()),
    Column("processed_at", DateTime(timezone=True)),
)
posts = Table(
    "posts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("publish_id", String(255), nullable=False, unique=True),
    Column("state", String(20), nullable=False),
)


@cache
def get_engine() -> Engine:
    """Return the engine of this process; the first call comes after the fork."""
    return create_engine(os.environ["DATABASE_URL"], pool_size=20)


def store_event(
    session: Session, envelope: dict[str, Any], body: bytes, publish_id: str
) -> int | None:
    """Store an event and return its id; None if the same delivery was stored before."""
    statement = insert(events).values(
        external_id=hashlib.sha256(body).hexdigest(), publish_id=publish_id, payload=envelope
    )
    new = session.execute(statement.on_conflict_do_nothing().returning(events.c.id)).first()
    return int(new.id) if new else None


def apply_event(session: Session, event_id: int) -> None:
    """Mark the post as published and the event as done, unless it is done already."""
    row = session.execute(events.select().where(events.c.id == event_id).with_for_update()).one()
    if row.status == "done":
        return
    published = posts.update().where(posts.c.publish_id == row.publish_id)
    session.execute(published.values(state="PUBLISHED"))
    done = events.update().where(events.c.id == event_id)
    session.execute(done.values(status="done", processed_at=func.clock_timestamp()))
