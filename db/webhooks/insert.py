"""Notices on their way into the inbox: many in one statement, each of them once.

Must not commit: who hands them in decides what an acknowledgement means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Text, case, func, literal, null, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert

from db.base import Json
from db.bulk import ROWS_PARAMETER, rows_table
from db.session import Connection, Session
from db.webhooks.events import Event


@dataclass(frozen=True, kw_only=True)
class NewEvent:
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
class InsertResult:
    id: int
    duplicate: bool
    processed: bool


EVENT_TABLE: Any = Event.__table__
TEXT_COLUMNS = (
    "provider",
    "external_id",
    "event_type",
    "vendor_event",
    "account",
    "publish_id",
    "correlation_id",
)


def build_insert_statement() -> Any:
    """Rows go in by key: two processes storing the same ones in different orders would wait for
    each other.
    """
    text_types = {name: Text() for name in TEXT_COLUMNS}
    rows = rows_table(
        {**text_types, "payload_json": JSONB(), "late": Boolean(), "ignored": Boolean()}
    )
    values = {
        **{name: rows.c[name] for name in (*TEXT_COLUMNS, "payload_json", "late")},
        "status": case((rows.c.ignored, literal("ignored")), else_=literal("pending")),
        "processed_at": case((rows.c.ignored, func.clock_timestamp()), else_=null()),
        "next_attempt_at": case((rows.c.ignored, null()), else_=func.now()),
    }
    query = select(*values.values()).order_by(rows.c.provider, rows.c.external_id)
    return (
        insert(EVENT_TABLE)
        .from_select(list(values), query)
        .on_conflict_do_nothing()
        .returning(EVENT_TABLE.c.provider, EVENT_TABLE.c.external_id, EVENT_TABLE.c.id)
    )


INSERT_STATEMENT = build_insert_statement()


def insert_events(session: Session | Connection, events: Sequence[NewEvent]) -> list[InsertResult]:
    """What became of each, in the order given: a new row, or one that was there before."""
    rows = [vars(event) for event in events]
    inserted = {
        (row.provider, row.external_id): row.id
        for row in session.execute(INSERT_STATEMENT, {ROWS_PARAMETER: rows})
    }
    existing = find_existing_events(
        session, [event.key for event in events if event.key not in inserted]
    )
    results = []
    for event in events:
        if event.key in inserted:
            existing[event.key] = InsertResult(
                inserted.pop(event.key), duplicate=True, processed=event.ignored
            )
            results.append(
                InsertResult(existing[event.key].id, duplicate=False, processed=event.ignored)
            )
        else:
            results.append(existing[event.key])
    return results


def find_existing_events(
    session: Session | Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], InsertResult]:
    """In a statement of its own: the insertion may have waited for rows its snapshot cannot see."""
    if not keys:
        return {}
    matches_key = tuple_(Event.provider, Event.external_id).in_(list(keys))
    rows = session.execute(
        select(Event.provider, Event.external_id, Event.id, Event.processed_at).where(matches_key)
    )
    return {
        (row.provider, row.external_id): InsertResult(
            row.id, duplicate=True, processed=row.processed_at is not None
        )
        for row in rows
    }
