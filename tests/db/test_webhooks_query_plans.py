"""Queries of due and dead events use the partial indexes when nearly all events are processed."""

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from core.webhooks.process import BATCH_SIZE, LEASE
from db.bulk import ROWS_PARAMETER
from db.leases import claim_values, copying_claim
from db.webhooks.events import EVENT_QUEUE, Event, EventFilter
from db.webhooks.insert import INSERT_STATEMENT, NewEvent, encode_events
from tests.db.kept_plans import explain_kept_plan
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


INSERT_DUE_EVENTS = """
INSERT INTO webhook_events (provider, event_type, external_id, payload_json)
  SELECT 'tiktok', 'x', 'due' || n, '{}' FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("is_backlog", [False, True], ids=["nothing due", "half of the table due"])
def test_the_claim_that_is_kept_reads_the_index_of_due_events(full_table_url, database, is_backlog):
    if is_backlog:
        run_sql(full_table_url, INSERT_DUE_EVENTS)
        run_sql(full_table_url, "ANALYZE webhook_events")
    claim = copying_claim(EVENT_QUEUE, limit=BATCH_SIZE, expired=False, single_row=False)
    values = claim.convert_values(claim_values(BATCH_SIZE, LEASE, None))
    plan = explain_kept_plan(database, claim, values)
    assert "Index Scan using idx_webhook_events_due" in plan
    assert "Sort" not in plan
    with database.transaction() as session:
        explained = session.connection().exec_driver_sql(f"EXPLAIN {claim.text}", values)
        assert plan == "\n".join(explained.scalars())  # as it is planned for these values


INSERT_ERASED_SUBJECTS = """
INSERT INTO erased_subjects (subject_hash)
  SELECT encode(sha256(n::text::bytea), 'hex') FROM generate_series(1, 20000) AS n
"""


def test_an_insert_finds_erased_people_by_their_index(database, database_url):
    run_sql(database_url, INSERT_ERASED_SUBJECTS)
    run_sql(database_url, "ANALYZE erased_subjects")
    new_event = NewEvent(
        provider="tiktok",
        dedupe_key="key",
        event_type="x",
        payload_json={},
        subject_hashes=("hash", "hash of an older key"),
        erased_key="erased:key",
    )
    values = {ROWS_PARAMETER: encode_events([new_event])}
    plan = explain_kept_plan(database, INSERT_STATEMENT, values)
    assert "Index Cond: (subject_hash = ANY (given.subject_hashes))" in plan
    assert "Seq Scan on erased_subjects" not in plan


def test_without_the_conditions_of_the_indexes_they_are_not_used(full_table_url):
    """Negative control: the filter by status alone."""
    page = select(Event.id).where(Event.status == "dead").order_by(Event.id.desc()).limit(26)
    assert not any(name in explain_query(full_table_url, page) for name in PARTIAL_INDEXES)
