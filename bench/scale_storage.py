"""Measures how many bytes an event takes: in tables, and in Postgres' write-ahead log."""

from datetime import UTC, datetime

from bench.drain import store_backlog
from bench.load_phases import wait_until_applied
from bench.scale_figures import StoredBytes
from bench.shared_servers import start_servers
from bench.stack_database import StackDatabase
from bench.stacks import open_signalpost

EVENTS = 20_000
PREFIX = "bytes-"
SELECT_LOG_BYTES = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
SELECT_TABLE_BYTES = """
SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables
 WHERE relname IN ('webhook_events', 'post_events', 'notifications')
"""


def measure_stored_bytes(events: int = EVENTS) -> StoredBytes:
    """Store and apply so many events, each of a post of its own, and divide what was written.

    The log also has the posts that the events end, whose rows are updated.
    """
    with start_servers() as servers, open_signalpost(servers, workers=1) as stack:
        database = stack.require_database()
        database.insert_publications(PREFIX, events)
        tables_before = read_number(database, SELECT_TABLE_BYTES)
        log_before = read_number(database, SELECT_LOG_BYTES)
        store_backlog(stack, database, PREFIX, events)
        wait_until_applied(database)
        log_bytes = read_number(database, SELECT_LOG_BYTES) - log_before
        table_bytes = read_number(database, SELECT_TABLE_BYTES) - tables_before
    measured_at = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    return StoredBytes(round(table_bytes / events), round(log_bytes / events), events, measured_at)


def read_number(database: StackDatabase, query: str) -> float:
    with database.transaction() as cur:
        cur.execute(query)
        row = cur.fetchone()
    return float(row[0]) if row else 0.0
