"""Notices on their way into the inbox: many in one statement, each of them once.

Must not commit: who hands them in decides what an acknowledgement means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Text, case, func, literal, null, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert

from db.base import Json
from db.recordset import ROWS, given
from db.session import Connection, Session
from db.webhooks import Event


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One notice as it is to be stored; `ignored` ones are never due."""

    provider: str
    external_id: str
    event_type: str
    payload_json: Json
    vendor_event: str | None = None
    account: str | None = None
    publish_id: str | None = None
    late: bool = False
    ignored: bool = False
    correlation_id: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.provider, self.external_id


@dataclass(frozen=True)
class Stored:
    id: int
    duplicate: bool
    processed: bool


TABLE: Any = Event.__table__
TEXTS = (
    "provider",
    "external_id",
    "event_type",
    "vendor_event",
    "account",
    "publish_id",
    "correlation_id",
)


def insertion() -> Any:
    """Rows go in by key: two processes storing the same ones in different orders would wait for
    each other.
    """
    texts = {name: Text() for name in TEXTS}
    rows = given({**texts, "payload_json": JSONB(), "late": Boolean(), "ignored": Boolean()})
    values = {
        **{name: rows.c[name] for name in (*TEXTS, "payload_json", "late")},
        "status": case((rows.c.ignored, literal("ignored")), else_=literal("pending")),
        "processed_at": case((rows.c.ignored, func.clock_timestamp()), else_=null()),
        "next_attempt_at": case((rows.c.ignored, null()), else_=func.now()),
    }
    chosen = select(*values.values()).order_by(rows.c.provider, rows.c.external_id)
    return (
        insert(TABLE)
        .from_select(list(values), chosen)
        .on_conflict_do_nothing()
        .returning(TABLE.c.provider, TABLE.c.external_id, TABLE.c.id)
    )


INSERTION = insertion()


def store(session: Session | Connection, arrivals: Sequence[Arrival]) -> list[Stored]:
    """What became of each, in the order given: a new row, or one that was there before."""
    rows = [vars(arrival) for arrival in arrivals]
    new = {
        (row.provider, row.external_id): row.id for row in session.execute(INSERTION, {ROWS: rows})
    }
    known = find(session, [arrival.key for arrival in arrivals if arrival.key not in new])
    stored = []
    for arrival in arrivals:
        if arrival.key in new:
            known[arrival.key] = Stored(
                new.pop(arrival.key), duplicate=True, processed=arrival.ignored
            )
            stored.append(Stored(known[arrival.key].id, duplicate=False, processed=arrival.ignored))
        else:
            stored.append(known[arrival.key])
    return stored


def find(
    session: Session | Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Stored]:
    """In a statement of its own: the insertion may have waited for rows its snapshot cannot see."""
    if not keys:
        return {}
    wanted = tuple_(Event.provider, Event.external_id).in_(list(keys))
    found = session.execute(
        select(Event.provider, Event.external_id, Event.id, Event.processed_at).where(wanted)
    )
    return {
        (row.provider, row.external_id): Stored(
            row.id, duplicate=True, processed=row.processed_at is not None
        )
        for row in found
    }
