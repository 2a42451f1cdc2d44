"""Inserts webhook events: many with one statement, each event once. The caller commits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    SmallInteger,
    Text,
    case,
    func,
    literal,
    null,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from db.base import Json
from db.bulk import ROWS_PARAMETER, rows_table
from db.session import Connection, Session
from db.webhooks.erased_subjects import ErasedSubjects
from db.webhooks.events import Event

EventKey = tuple[str, str]  # provider and dedupe key
ERASED_PAYLOAD: Json = {"omitted": "the data of this account have been erased"}


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """One webhook event to store; an `ignored` one is never due."""

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
    def key(self) -> EventKey:
        return self.provider, self.dedupe_key

    def without_subject(self) -> "NewEvent":
        """The event as it is stored once its account has been erased: that it came, and no more."""
        return replace(
            self,
            dedupe_key=self.erased_key,
            payload_json=ERASED_PAYLOAD,
            parsed=None,
            account=None,
            publish_id=None,
            ignored=True,
        )


@dataclass(frozen=True)
class InsertResult:
    """The row of one event: a new one, or that of an earlier delivery (`duplicate`)."""

    id: int
    duplicate: bool
    processed: bool


EVENT_TABLE: Any = Event.__table__
TEXT_COLUMNS = (  # those that are named like the fields of `NewEvent`
    "provider",
    "event_type",
    "vendor_event",
    "account",
    "publish_id",
    "correlation_id",
    "verdict",
)
JSON_COLUMNS = ("payload_json", "parsed")
ROW_FIELDS = (
    "dedupe_key",
    *TEXT_COLUMNS,
    *JSON_COLUMNS,
    "late",
    "ignored",
    "secret_no",
    "signed_seconds",
)


def insert_events(session: Session | Connection, events: Sequence[NewEvent]) -> list[InsertResult]:
    """Insert the events that are not stored yet; return one result per event, in the same order.

    Events about accounts that have been erased are stored without content.
    """
    events = omit_erased_subjects(session, events)
    rows = [{name: getattr(event, name) for name in ROW_FIELDS} for event in events]
    new_ids: dict[EventKey, int] = {
        (row.provider, row.external_id): row.id
        for row in session.execute(INSERT_STATEMENT, {ROWS_PARAMETER: rows})
    }
    existing = find_existing_events(
        session, [event.key for event in events if event.key not in new_ids]
    )
    results = []
    for event in events:
        if event.key in existing:
            results.append(existing[event.key])
        else:
            event_id = new_ids[event.key]
            results.append(InsertResult(event_id, duplicate=False, processed=event.ignored))
            # The same event once more in this group is a duplicate of this one.
            existing[event.key] = InsertResult(event_id, duplicate=True, processed=event.ignored)
    return results


def omit_erased_subjects(
    session: Session | Connection, events: Sequence[NewEvent]
) -> Sequence[NewEvent]:
    hashes = {subject_hash for event in events for subject_hash in event.subject_hashes}
    erased = ErasedSubjects(session).find(hashes)
    if not erased:
        return events
    return [
        event if erased.isdisjoint(event.subject_hashes) else event.without_subject()
        for event in events
    ]


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
    rows = rows_table(
        {
            **{name: Text() for name in ("dedupe_key", *TEXT_COLUMNS)},
            **{name: JSONB() for name in JSON_COLUMNS},
            "late": Boolean(),
            "ignored": Boolean(),
            "secret_no": SmallInteger(),
            "signed_seconds": BigInteger(),
        }
    )
    values = {
        **{name: rows.c[name] for name in (*TEXT_COLUMNS, *JSON_COLUMNS, "late", "secret_no")},
        "signed_at": func.to_timestamp(rows.c.signed_seconds),
        "external_id": rows.c.dedupe_key,
        "status": case((rows.c.ignored, literal("ignored")), else_=literal("pending")),
        "processed_at": case((rows.c.ignored, func.clock_timestamp()), else_=null()),
        "next_attempt_at": case((rows.c.ignored, null()), else_=func.now()),
    }
    query = select(*values.values()).order_by(rows.c.provider, rows.c.dedupe_key)
    return (
        insert(EVENT_TABLE)
        .from_select(list(values), query)
        .on_conflict_do_nothing()
        .returning(EVENT_TABLE.c.provider, EVENT_TABLE.c.external_id, EVENT_TABLE.c.id)
    )


INSERT_STATEMENT = build_insert_statement()
