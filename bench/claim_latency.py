"""Measures one claim statement with its commit, among many rows of which hardly any is due.

By default among a million accounts and a million posts: half of the posts are final, half are
scheduled for later, and no token has to be refreshed today.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2

from bench.load_results import LatencyStats
from bench.shared_servers import SharedServers
from bench.stack_database import StackDatabase
from core import accounts, publishing
from core.jobs.job_type import JobType
from db import migrations
from db.session import Database

CLAIM_ROUNDS = 300
ROWS_PER_STATEMENT = 250_000

INSERT_USER = "INSERT INTO users (email) VALUES ('bench@example.org')"
INSERT_ACCOUNTS = """
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at,
                            refresh_due_at)
  SELECT users.id, 'tiktok', 'open-' || number, 'video.publish', 'unused', now() + interval '9 day',
         now() + interval '1 day' + number * interval '100 milliseconds'
    FROM users, generate_series(%(first)s, %(last)s) AS number
"""
INSERT_POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, due_at, finished_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM',
         CASE WHEN id %% 2 = 0 THEN 'PUBLISHED' ELSE 'QUEUED' END,
         CASE WHEN id %% 2 = 0 THEN 'PUBLISHED' END,
         CASE WHEN id %% 2 = 0 THEN 'claim-' || id END,
         CASE WHEN id %% 2 = 1 THEN now() + interval '1 day' + id * interval '1 second' END,
         CASE WHEN id %% 2 = 0 THEN now() END
    FROM oauth_accounts WHERE open_id = ANY
         (SELECT 'open-' || number FROM generate_series(%(first)s, %(last)s) AS number)
"""
MAKE_DUE = """
UPDATE {table} SET {due} = now(), leased_until = NULL
 WHERE id IN (SELECT id FROM {table} WHERE {due} IS NOT NULL ORDER BY id DESC LIMIT %(count)s)
"""


@dataclass(frozen=True)
class ClaimLatency:
    """One measurement. `rows` are in the table, `due` of them due; `claim` is in milliseconds."""

    kind: str
    rows: int
    due: int
    claim: LatencyStats | None


@dataclass(frozen=True)
class ClaimCase:
    """A job type, and the statement that makes a batch of its rows due."""

    job_type: JobType[Any, Any, Any]
    make_due_sql: str


CLAIM_CASES = (
    ClaimCase(
        accounts.REFRESH_JOB_TYPE, MAKE_DUE.format(table="oauth_accounts", due="refresh_due_at")
    ),
    ClaimCase(publishing.PUBLISH_JOB_TYPE, MAKE_DUE.format(table="posts", due="due_at")),
)


def time_claims(servers: SharedServers, *, rows: int) -> list[ClaimLatency]:
    """Measure each job type with nothing due and with a whole batch due."""
    resources = servers.allocate("scan")
    migrations.upgrade_schema(resources.owner_url, application_url=resources.application_url)
    stack_database = StackDatabase(resources.dsn, "")
    fill_tables(stack_database, rows)
    database = Database(resources.application_url, application_name="bench")
    try:
        return [
            result
            for case in CLAIM_CASES
            for result in measure_case(database, stack_database, case, rows)
        ]
    finally:
        database.dispose()


def fill_tables(stack_database: StackDatabase, rows: int) -> None:
    stack_database.execute(INSERT_USER)
    for statement in (INSERT_ACCOUNTS, INSERT_POSTS):
        for first in range(1, rows + 1, ROWS_PER_STATEMENT):
            stack_database.execute(
                statement, first=first, last=min(first + ROWS_PER_STATEMENT - 1, rows)
            )
    connection = psycopg2.connect(stack_database.dsn)
    connection.autocommit = True  # VACUUM cannot run in a transaction
    with connection.cursor() as cur:
        cur.execute("VACUUM (ANALYZE)")
        cur.execute("CHECKPOINT")
    connection.close()


def measure_case(
    database: Database, stack_database: StackDatabase, case: ClaimCase, rows: int
) -> list[ClaimLatency]:
    batch_size = case.job_type.batch_size
    empty_claims = time_claim_rounds(database, case.job_type, lambda: None, expected=0)
    full_claims = time_claim_rounds(
        database,
        case.job_type,
        lambda: stack_database.execute(case.make_due_sql, count=batch_size),
        expected=batch_size,
    )
    kind = case.job_type.kind
    return [
        ClaimLatency(kind, rows, 0, LatencyStats.from_seconds(empty_claims)),
        ClaimLatency(kind, rows, batch_size, LatencyStats.from_seconds(full_claims)),
    ]


def time_claim_rounds(
    database: Database,
    job_type: JobType[Any, Any, Any],
    prepare: Callable[[], None],
    *,
    expected: int,
) -> list[float]:
    """Return the seconds of each claim except the first, which opens the connection."""
    seconds = []
    for _ in range(CLAIM_ROUNDS + 1):
        prepare()
        started_at = time.perf_counter()
        with database.transaction() as session:
            claimed = job_type.queue.claim(session, limit=job_type.batch_size, lease=job_type.lease)
        seconds.append(time.perf_counter() - started_at)
        assert len(claimed) == expected
    return seconds[1:]
