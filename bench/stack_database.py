"""SQL against a stack's database: posts and accounts before the load, applied events after it.

A post is inserted for each event beforehand, so that applying the event has an effect to check.
Accounts get encrypted tokens; this is the only module of the benchmark that uses our keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2.extensions import cursor
from psycopg2.extras import execute_values

from bench.delivery_payloads import CREATOR_COUNT
from core.config.settings import Settings
from core.crypto import KeyRing, access_token_context, refresh_token_context
from platforms.secret import Secret

INSERT_USER_AND_ACCOUNTS = f"""
INSERT INTO users (email) VALUES ('bench@example.org');
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT users.id, 'tiktok', 'open-' || number, 'video.publish', 'unused', now() + interval '9 day'
    FROM users, generate_series(0, {CREATOR_COUNT - 1}) AS number
"""  # noqa: S608 - a number of our own

INSERT_OUR_POSTS = f"""
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', %(prefix)s || number, now()
    FROM generate_series(1, %(count)s) AS number
    JOIN oauth_accounts ON open_id = 'open-' || number %% {CREATOR_COUNT};
INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source, mode)
  SELECT user_id, oauth_account_id, id, publish_id, 'PROCESSING_DOWNLOAD', source, 'DIRECT'
    FROM posts WHERE publish_id LIKE %(prefix)s || '%%'
"""  # noqa: S608 - a number of our own

INSERT_PEER_POSTS = """
INSERT INTO posts (publish_id, state)
  SELECT %(prefix)s || number, 'PROCESSING' FROM generate_series(1, %(count)s) AS number
"""

SELECT_APPLIED = """
SELECT publish_id, extract(epoch FROM max(processed_at)), count(*)
  FROM webhook_events JOIN posts USING (publish_id)
 WHERE publish_id LIKE %(prefix)s || '%%' AND status = 'done' AND posts.state = 'PUBLISHED'
 GROUP BY 1
"""
"""Events that were stored, applied and had their effect; more than one row is a doubled event."""

COUNT_WAITING = "SELECT count(*) FROM webhook_events WHERE processed_at IS NULL"
COUNT_OUR_WAITING = f"{COUNT_WAITING} AND dead_at IS NULL"
"""Matches the condition of an index: our table may hold millions of rows."""

PROVIDER = "tiktok"

INSERT_ACCOUNTS = """
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, expires_at, refresh_expires_at,
                            access_token_encrypted, refresh_token_encrypted) VALUES %s
"""
ACCOUNT_VALUES = """
(%s, 'tiktok', %s, 'video.publish', now() + interval '1 day', now() + interval '9 day', %s, %s)
"""

INSERT_PROCESSING_POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at, memo)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', 'poll-' || open_id || '-' || number, now() - interval '10 minutes',
         '{"polls": 5}'
    FROM oauth_accounts, generate_series(1, %(each)s) AS number
   WHERE open_id LIKE 'bench-%%';
INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source, mode)
  SELECT user_id, oauth_account_id, id, publish_id, 'PROCESSING_DOWNLOAD', source, 'DIRECT'
    FROM posts WHERE publish_id LIKE 'poll-%%'
"""
"""Five polls each already: after the next one a post is not due again during the measurement."""


@dataclass(frozen=True)
class AppliedPublication:
    """When the event was applied (seconds since 1970, the generator's clock); how many rows."""

    applied_at: float
    row_count: int


@dataclass(frozen=True)
class StackDatabase:
    """One stack's database, with its statements to insert posts and to count waiting events."""

    dsn: str = field(repr=False)
    insert_posts_sql: str
    count_waiting_sql: str = COUNT_WAITING

    @contextmanager
    def transaction(self) -> Iterator[cursor]:
        """Open a connection with one transaction, committed at the end."""
        connection = psycopg2.connect(self.dsn, connect_timeout=3)
        try:
            with connection, connection.cursor() as cur:
                yield cur
        finally:
            connection.close()

    def execute(self, statement: str, **values: Any) -> None:
        with self.transaction() as cur:
            cur.execute(statement, values)

    def insert_publications(self, prefix: str, count: int) -> None:
        """Insert posts in state PROCESSING with the ids `prefix`1 to `prefix`count, and ANALYZE."""
        self.execute(self.insert_posts_sql, prefix=prefix, count=count)
        self.execute("ANALYZE")

    def count_waiting(self) -> int:
        with self.transaction() as cur:
            cur.execute(self.count_waiting_sql)
            row = cur.fetchone()
        return int(row[0]) if row else 0

    def load_applied(self, prefix: str) -> dict[str, AppliedPublication]:
        """Return the applied events by publish id.

        The statistics are of now: without them Postgres may compare each event with each post.
        """
        self.execute("ANALYZE")
        with self.transaction() as cur:
            cur.execute(SELECT_APPLIED, {"prefix": prefix})
            return {row[0]: AppliedPublication(float(row[1]), row[2]) for row in cur.fetchall()}


def insert_accounts(database: StackDatabase, environment: Mapping[str, str], count: int) -> None:
    """Insert connected accounts `bench-…`, not due, whose refresh tokens the sink accepts once."""
    key_ring = KeyRing(Settings.from_env(dict(environment)).encryption_keys)
    with database.transaction() as cur:
        cur.execute("SELECT min(id) FROM users")
        row = cur.fetchone()
        assert row
        execute_values(
            cur,
            INSERT_ACCOUNTS,
            account_rows(key_ring, row[0], range(count)),
            template=ACCOUNT_VALUES,
        )


def account_rows(
    key_ring: KeyRing, user_id: int, numbers: Iterable[int]
) -> Iterator[tuple[object, ...]]:
    for number in numbers:
        open_id = f"bench-{number}"
        context_args = (PROVIDER, open_id, user_id)
        yield (
            user_id,
            open_id,
            key_ring.encrypt(Secret(f"act.{open_id}.0"), access_token_context(*context_args)),
            key_ring.encrypt(Secret(f"rft.{open_id}.0"), refresh_token_context(*context_args)),
        )


def insert_posts(database: StackDatabase, *, per_account: int) -> None:
    """Insert posts of each of these accounts, in state PROCESSING, not due."""
    database.execute(INSERT_PROCESSING_POSTS, each=per_account)
    database.execute("ANALYZE")
