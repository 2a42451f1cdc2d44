"""Queries of due and dead events use the partial indexes when nearly all events are processed."""

import pytest
from sqlalchemy import create_engine, event, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from db.webhooks.events import EVENT_QUEUE, Event, EventFilter
from db.webhooks.insert import NewEvent, insert_events
from tests.db.schema_catalog import run_sql

INSERT_PROCESSED_EVENTS = """
INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status, processed_at,
                            next_attempt_at)
  SELECT 'tiktok', 'x', n, '{}', 'done', now(), NULL FROM generate_series(1, 20000) AS n
"""
PARTIAL_INDEXES = (
    "idx_webhook_events_due",
    "idx_webhook_events_unapplied",
    "idx_webhook_events_dead",
)


@pytest.fixture
def full_table_url(database_url):
    run_sql(database_url, INSERT_PROCESSED_EVENTS)
    run_sql(database_url, "ANALYZE webhook_events")
    return database_url


def explain_query(url, query):
    statement = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return "\n".join(line for (line,) in run_sql(url, f"EXPLAIN {statement}"))


@pytest.mark.parametrize("status", ["pending", "processing", "dead"])
def test_a_page_of_unprocessed_events_does_not_scan_processed_ones(full_table_url, status):
    page = select(Event.id).where(*EventFilter(status=status).conditions())
    plan = explain_query(full_table_url, page.order_by(Event.id.desc()).limit(26))
    assert any(name in plan for name in PARTIAL_INDEXES), plan


def test_the_query_for_due_events_uses_the_index_of_unprocessed_ones(full_table_url):
    due_events = select(Event.id).where(Event.leased_until.is_(None), *EVENT_QUEUE.conditions)
    assert "idx_webhook_events_due" in explain_query(
        full_table_url, due_events.order_by(Event.due_at).limit(200)
    )


INSERT_ERASED_SUBJECTS = """
INSERT INTO erased_subjects (subject_hash)
  SELECT encode(sha256(n::text::bytea), 'hex') FROM generate_series(1, 20000) AS n
"""


def explain_insert(url, new_event):
    """The plan of the insert of this event."""
    engine, statements = create_engine(url), []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
    with Session(engine) as session:
        insert_events(session, [new_event])
        session.rollback()
    ((statement, values),) = statements
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    engine.dispose()
    return "\n".join(rows)


def test_an_insert_finds_erased_people_by_their_index(database_url):
    run_sql(database_url, INSERT_ERASED_SUBJECTS)
    run_sql(database_url, "ANALYZE erased_subjects")
    plan = explain_insert(
        database_url,
        NewEvent(
            provider="tiktok",
            dedupe_key="key",
            event_type="x",
            payload_json={},
            subject_hashes=("hash", "hash of an older key"),
            erased_key="erased:key",
        ),
    )
    assert "Index Cond: (subject_hash = ANY (given.subject_hashes))" in plan
    assert "Seq Scan on erased_subjects" not in plan


def test_without_the_conditions_of_the_indexes_they_are_not_used(full_table_url):
    """Negative control: the filter by status alone."""
    page = select(Event.id).where(Event.status == "dead").order_by(Event.id.desc()).limit(26)
    assert not any(name in explain_query(full_table_url, page) for name in PARTIAL_INDEXES)
