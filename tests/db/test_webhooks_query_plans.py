"""What is asked of the inbox stays cheap when nearly all of it is done: by its small indexes."""

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from db.webhooks.events import EVENT_QUEUE, Event, EventFilter
from tests.db.schema_catalog import run_sql

INSERT_FULL_INBOX = """
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
def full_inbox_url(database_url):
    run_sql(database_url, INSERT_FULL_INBOX)
    run_sql(database_url, "ANALYZE webhook_events")
    return database_url


def explain_query(url, query):
    words = query.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    return "\n".join(line for (line,) in run_sql(url, f"EXPLAIN {words}"))


@pytest.mark.parametrize("status", ["pending", "processing", "dead"])
def test_a_page_of_what_waits_or_is_dead_does_not_walk_through_what_is_done(full_inbox_url, status):
    page = select(Event.id).where(*EventFilter(status=status).conditions())
    found = explain_query(full_inbox_url, page.order_by(Event.id.desc()).limit(26))
    assert any(name in found for name in PARTIAL_INDEXES), found


def test_the_search_for_due_work_sees_only_what_waits(full_inbox_url):
    wanted = select(Event.id).where(Event.leased_until.is_(None), *EVENT_QUEUE.conditions)
    assert "idx_webhook_events_due" in explain_query(
        full_inbox_url, wanted.order_by(Event.due_at).limit(200)
    )


def test_a_walk_through_everything_would_be_seen(full_inbox_url):
    """The condition as it would be without the words of the indexes."""
    page = select(Event.id).where(Event.status == "dead").order_by(Event.id.desc()).limit(26)
    assert not any(name in explain_query(full_inbox_url, page) for name in PARTIAL_INDEXES)
