"""Query plans: a claim reads the index of due rows, however many rows the table has."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from db.accounts.accounts import ACCOUNT_QUEUE
from db.leases import find_due_kinds
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE
from db.webhooks.events import EVENT_QUEUE
from tests.db.schema_catalog import run_sql

INSERT_HISTORY = (
    "INSERT INTO users (email) SELECT n || '@example.org' FROM generate_series(1, 50) AS n",
    """INSERT INTO oauth_accounts (user_id, provider, open_id, scope, status, refresh_due_at,
         access_token_encrypted, expires_at)
       SELECT 1 + n % 50, 'tiktok', 'open' || n, '',
              CASE WHEN n % 4 = 0 THEN 'ACTIVE' ELSE 'REVOKED' END,
              now() + (n - 100) * interval '1 min', 'encrypted', now()
         FROM generate_series(1, 20000) AS n""",
    """INSERT INTO posts (user_id, provider, kind, source, sent_by, state, publish_id, due_at,
         chunk_size)
       SELECT 1 + n % 50, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST',
              CASE WHEN n > 100 THEN 'PUBLISHED' WHEN n % 2 = 0 THEN 'QUEUED' ELSE 'SENDING' END,
              CASE WHEN n % 2 = 1 THEN 'id' || n END, CASE WHEN n <= 100 THEN now() END, 1
         FROM generate_series(1, 20000) AS n""",
    """INSERT INTO webhook_events (provider, event_type, external_id, payload_json, processed_at)
       SELECT 'tiktok', 'post', 'e' || n, '{}', CASE WHEN n > 100 THEN now() END
         FROM generate_series(1, 20000) AS n""",
    "ANALYZE",
)

CLAIM_CASES = {
    "posts": (POST_QUEUE, ["idx_posts_due"]),
    "uploads": (UPLOAD_QUEUE, ["idx_posts_due"]),
    "accounts": (ACCOUNT_QUEUE, ["idx_oauth_accounts_refresh_due"]),
    # few events are unprocessed, so the index on processed_at, which has their NULLs, is as good
    "webhooks": (EVENT_QUEUE, ["idx_webhook_events_due", "idx_webhook_events_processed"]),
}


def explain_claim(url, queue, *, expired):
    """The plan that Postgres uses for this claim."""
    engine, statements = create_engine(url), []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
    with Session(engine) as session:
        queue.claim(session, limit=16, lease=timedelta(seconds=30), expired=expired)
        session.rollback()
    ((statement, values),) = statements
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    engine.dispose()
    return "\n".join(rows)


@pytest.fixture(scope="module")
def history_url(server_addresses, migrated_template):
    with server_addresses.temporary_database(migrated_template) as url:
        for statement in INSERT_HISTORY:
            run_sql(url, statement)
        yield url


def explain_search(url):
    """The plan of the statement that looks which kinds have due rows."""
    engine, statements = create_engine(url), []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2:4]))
    with Session(engine) as session:
        find_due_kinds(session, {kind: queue for kind, (queue, _) in CLAIM_CASES.items()})
    ((statement, values),) = statements
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
    engine.dispose()
    return "\n".join(rows)


def has_table_scan(plan):
    """Whether a table is read as a whole; pauses are a handful of rows, and nearly always none."""
    return re.search(r"Seq Scan on (?!pauses)", plan) is not None


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("kind", CLAIM_CASES)
def test_a_claim_uses_its_partial_index(history_url, kind, expired):
    queue, indexes = CLAIM_CASES[kind]
    plan = explain_claim(history_url, queue, expired=expired)
    assert any(index in plan for index in indexes)
    assert not has_table_scan(plan)


def test_looking_for_due_kinds_uses_the_same_indexes(history_url):
    plan = explain_search(history_url)
    assert all(any(index in plan for index in indexes) for _, indexes in CLAIM_CASES.values())
    assert not has_table_scan(plan)


def test_without_its_index_a_claim_reads_the_table(database_url):
    for statement in (*INSERT_HISTORY, "DROP INDEX idx_posts_due"):
        run_sql(database_url, statement)
    plan = explain_claim(database_url, POST_QUEUE, expired=False)
    assert "Seq Scan on posts" in plan
    assert has_table_scan(plan)
    assert "Seq Scan on posts" in explain_search(database_url)


def test_posts_and_uploads_share_no_row_and_leave_none(history_url):
    engine = create_engine(history_url)
    with Session(engine) as session:
        posts, uploads = (
            {row.id for row in queue.claim(session, limit=500, lease=timedelta(seconds=30))}
            for queue in (POST_QUEUE, UPLOAD_QUEUE)
        )
        session.rollback()
    engine.dispose()
    assert (len(posts), len(uploads)) == (50, 50)
    assert not posts & uploads


def test_a_claim_takes_the_oldest_and_no_more_than_its_limit(history_url):
    engine = create_engine(history_url)
    with Session(engine) as session:
        claimed = [
            row.id for row in ACCOUNT_QUEUE.claim(session, limit=10, lease=timedelta(seconds=30))
        ]
        oldest = session.scalars(
            text(
                "SELECT id FROM oauth_accounts WHERE status = 'ACTIVE'"
                " ORDER BY refresh_due_at LIMIT 10"
            )
        ).all()
        session.rollback()
    engine.dispose()
    assert claimed == list(oldest)


def test_a_leased_row_does_not_count_as_waiting(database_url):
    engine = create_engine(database_url)
    run_sql(
        database_url,
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json)"
        " VALUES ('tiktok', 'post', 'e', '{}')",
    )
    with Session(engine) as session:
        assert EVENT_QUEUE.oldest_due_at(session) is not None
        (row,) = EVENT_QUEUE.claim(session, limit=1, lease=timedelta(seconds=30))
        assert EVENT_QUEUE.oldest_due_at(session) is None
        row.leased_until = row.leased_until - timedelta(seconds=60)
        session.flush()
        assert EVENT_QUEUE.oldest_due_at(session) is not None
        session.rollback()
    engine.dispose()
