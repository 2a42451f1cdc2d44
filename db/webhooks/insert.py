"""Inserts webhook events: many with one statement, each event once. The caller commits."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    SmallInteger,
    Text,
    any_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.types import TypeEngine

from db.base import Json
from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import CompiledStatement, execute_converted, fetch_converted
from db.session import Connection, Session
from db.webhooks.erased_subjects import ErasedSubject
from db.webhooks.events import Event

EventKey = tuple[str, str]  # provider and dedupe key
ERASED_PAYLOAD: Json = {"omitted": "the data of this account have been erased"}


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One webhook event to store; an `ignored` one is never due.

    A struct and not a dataclass: a group of them becomes JSON in a fifth of the time.
    """

    provider: str
    dedupe_key: str  # the same in every redelivery; at most 255 characters
    event_type: str
    payload_json: Json
    parsed: Json | None = None
    vendor_event: str | None = None
    account: str | None = None
    publish_id: str | None = None
    late: bool = False
    verdict: str | None = None
    secret_no: int | None = None
    signed_seconds: int | None = None  # since 1970
    ignored: bool = False
    correlation_id: str | None = None
    subject_hashes: tuple[str, ...] = ()  # of the account, one for each key
    erased_key: str = ""  # the dedupe key if the account has been erased: it names nobody

    @property
    def keys(self) -> tuple[EventKey, ...]:
        """The keys that the event can be stored with: its own, and that without its account."""
        if not self.erased_key:
            return ((self.provider, self.dedupe_key),)
        return (self.provider, self.dedupe_key), (self.provider, self.erased_key)


class InsertResult(NamedTuple):
    """The row of one event: a new one, or that of an earlier delivery (`duplicate`)."""

    id: int
    duplicate: bool
    processed: bool


MAX_LOOKUPS = 5
"""How often events that were stored already are looked up; once, unless rows are deleted then."""

EVENT_TABLE: Any = Event.__table__
ERASED_JSON = msgspec.json.encode(ERASED_PAYLOAD).decode()
RETURNED_COLUMNS = ("provider", "external_id", "id", "processed_at")
COPIED_COLUMNS: dict[str, TypeEngine[Any]] = {  # as `NewEvent` has them, whoever they are about
    "provider": Text(),
    "event_type": Text(),
    "vendor_event": Text(),
    "correlation_id": Text(),
    "verdict": Text(),
    "late": Boolean(),
    "secret_no": SmallInteger(),
}
CONTENT_COLUMNS: dict[str, TypeEngine[Any]] = {  # NULL if the account has been erased
    "account": Text(),
    "publish_id": Text(),
    "parsed": JSONB(),
}
ROW_TYPES: dict[str, TypeEngine[Any]] = {
    **COPIED_COLUMNS,
    **CONTENT_COLUMNS,
    "dedupe_key": Text(),
    "payload_json": JSONB(),
    "ignored": Boolean(),
    "signed_seconds": BigInteger(),
    "subject_hashes": ARRAY(Text()),
    "erased_key": Text(),
}


def insert_events(session: Session | Connection, events: Sequence[NewEvent]) -> list[InsertResult]:
    """Insert the events that are not stored yet; return one result per event, in the same order.

    Events about accounts that have been erased are stored without content: that they came, and no
    more. The insert itself looks that up, so that it cannot miss an erasure (`await_inserts`).
    """
    stored = insert_new_events(session, events)
    if len(stored) == len(events):  # each has a row of its own
        return [stored[find_stored_key(stored, event)] for event in events]
    add_earlier_rows(session, events, stored)
    results = []
    for event in events:
        key = find_stored_key(stored, event)
        result = stored[key]
        results.append(result)
        # The same event once more in this group is a duplicate of this one.
        stored[key] = result._replace(duplicate=True)
    return results


def find_stored_key(stored: Mapping[EventKey, InsertResult], event: NewEvent) -> EventKey:
    """Return which of its keys the event is stored with."""
    key = (event.provider, event.dedupe_key)
    return key if key in stored else (event.provider, event.erased_key)


def add_earlier_rows(
    session: Session | Connection, events: Sequence[NewEvent], stored: dict[EventKey, InsertResult]
) -> None:
    """Add the rows of events that were stored already."""
    for _ in range(MAX_LOOKUPS):
        missing = [event for event in events if stored.keys().isdisjoint(event.keys)]
        if not missing:
            break
        stored |= find_existing_events(session, [key for event in missing for key in event.keys])
        deleted = [event for event in missing if stored.keys().isdisjoint(event.keys)]
        if deleted:  # since the insert: by erasure or by age
            stored |= insert_new_events(session, deleted)


def insert_new_events(
    session: Session | Connection, events: Sequence[NewEvent]
) -> dict[EventKey, InsertResult]:
    """Insert the events that are not stored yet; return those."""
    values = {ROWS_PARAMETER: encode_events(events)}
    if isinstance(session, Session):
        rows = execute_converted(session.connection(), (INSERT_STATEMENT,), [values]).rows
    else:
        rows = fetch_converted(session, INSERT_STATEMENT, values)
    return {
        (provider, external_id): InsertResult(event_id, False, processed_at is not None)
        for provider, external_id, event_id, processed_at in rows
    }


def encode_events(events: Sequence[NewEvent]) -> str:
    """Return the events as the JSON array that the insert reads. Errors: ValueError.

    It fails on an unpaired surrogate, which Postgres would refuse.
    """
    return EVENT_ENCODER.encode(events).decode()


def find_existing_events(
    session: Session | Connection, keys: Sequence[EventKey]
) -> dict[EventKey, InsertResult]:
    """Return the stored events with these keys.

    A separate statement: the insert may have waited for rows that its snapshot cannot see.
    """
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


def build_insert_statement() -> Any:
    """Return the insert; its rows are ordered by key.

    Two processes that insert the same events in different orders would deadlock.
    """
    rows = rows_table(ROW_TYPES)
    erased = (
        select(true().label("is_erased"))
        .where(ErasedSubject.subject_hash == any_(rows.c.subject_hashes))
        .limit(literal_column("1"))
        .lateral("erased")
    )
    is_erased = erased.c.is_erased.is_(true())
    is_ignored = or_(rows.c.ignored, is_erased)
    values: dict[str, ColumnElement[Any]] = {
        **{name: rows.c[name] for name in COPIED_COLUMNS},
        **{name: case((is_erased, null()), else_=rows.c[name]) for name in CONTENT_COLUMNS},
        "payload_json": case(
            (is_erased, cast(literal_column(f"'{ERASED_JSON}'"), JSONB())),
            else_=rows.c.payload_json,
        ),
        "signed_at": func.to_timestamp(rows.c.signed_seconds),
        "external_id": case((is_erased, rows.c.erased_key), else_=rows.c.dedupe_key),
        "status": case(
            (is_ignored, literal_column("'ignored'")), else_=literal_column("'pending'")
        ),
        "processed_at": case((is_ignored, func.clock_timestamp()), else_=null()),
        "next_attempt_at": case((is_ignored, null()), else_=func.now()),
    }
    query = (
        select(*(value.label(name) for name, value in values.items()))
        .select_from(rows.outerjoin(erased, true()))
        .order_by(rows.c.provider, text("external_id"))
    )
    return (
        insert(EVENT_TABLE)
        .from_select(list(values), query)
        .on_conflict_do_nothing()
        .returning(*(EVENT_TABLE.c[name] for name in RETURNED_COLUMNS))
    )


EVENT_ENCODER = msgspec.json.Encoder()
INSERT_STATEMENT = CompiledStatement(build_insert_statement(), name="insert_webhook_events")
"""Its only parameter is the rows, as `encode_events` returns them."""
