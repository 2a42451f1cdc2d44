"""What a stack's database is asked before and after the load. Speaks SQL and nothing else.

A publication is made for each notice beforehand, so that applying it has an effect to check.
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
  SELECT users.id, 'tiktok', 'open-' || number, 'video.publish', 'sealed', now() + interval '9 day'
    FROM users, generate_series(0, {CREATOR_COUNT - 1}) AS number
"""

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
"""

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
"""Stored, applied, and with its effect; more than one row would be a notice stored twice."""

COUNT_WAITING = "SELECT count(*) FROM webhook_events WHERE processed_at IS NULL"
COUNT_OUR_WAITING = (
    f"{COUNT_WAITING} AND dead_at IS NULL"  # as an index has it: ours may hold millions
)


@dataclass(frozen=True)
class AppliedPublication:
    """When, in seconds since 1970, by the same clock as the generator's; and how many rows."""

    applied_at: float
    row_count: int


@dataclass(frozen=True)
class StackDatabase:
    """One stack's database. `posts` makes publications, `still` counts what waits."""

    dsn: str = field(repr=False)
    insert_posts_sql: str
    count_waiting_sql: str = COUNT_WAITING

    @contextmanager
    def transaction(self) -> Iterator[cursor]:
        """One transaction, committed at the end."""
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
        """Publications with these ids are under way; the planner knows how many there are."""
        self.execute(self.insert_posts_sql, prefix=prefix, count=count)
        self.execute("ANALYZE")

    def count_waiting(self) -> int:
        with self.transaction() as cur:
            cur.execute(self.count_waiting_sql)
            row = cur.fetchone()
        return int(row[0]) if row else 0

    def load_applied(self, prefix: str) -> dict[str, AppliedPublication]:
        """By publication."""
        with self.transaction() as cur:
            cur.execute(SELECT_APPLIED, {"prefix": prefix})
            return {row[0]: AppliedPublication(float(row[1]), row[2]) for row in cur.fetchall()}


# MERGED bench.crowd: Rows as the house would have made them, by the thousand: accounts with sealed tokens, and posts.
#
# The one place of the bench that knows our keys. Nothing is due before it is told to be.

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
         'PROCESSING', 'asked-' || open_id || '-' || number, now() - interval '10 minutes',
         '{"polls": 5}'
    FROM oauth_accounts, generate_series(1, %(each)s) AS number
   WHERE open_id LIKE 'crowd-%%';
INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source, mode)
  SELECT user_id, oauth_account_id, id, publish_id, 'PROCESSING_DOWNLOAD', source, 'DIRECT'
    FROM posts WHERE publish_id LIKE 'asked-%%'
"""
"""Asked five times already: whatever is asked now is not due again while we measure."""


def insert_accounts(database: StackDatabase, environment: Mapping[str, str], count: int) -> None:
    """Connected accounts `crowd-…`, whose refresh tokens the sink takes once each."""
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
        open_id = f"crowd-{number}"
        context_args = (PROVIDER, open_id, user_id)
        yield (
            user_id,
            open_id,
            key_ring.encrypt(Secret(f"act.{open_id}.0"), access_token_context(*context_args)),
            key_ring.encrypt(Secret(f"rft.{open_id}.0"), refresh_token_context(*context_args)),
        )


def insert_posts(database: StackDatabase, *, per_account: int) -> None:
    """So many posts of each of them, under way at the platform."""
    database.execute(INSERT_PROCESSING_POSTS, each=per_account)
    database.execute("ANALYZE")
