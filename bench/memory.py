"""What a stack's database is asked before and after the load. Speaks SQL and nothing else.

A publication is made for each notice beforehand, so that applying it has an effect to check.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2.extensions import cursor

from bench.letters import CREATORS

PEOPLE = f"""
INSERT INTO users (email) VALUES ('bench@example.org');
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at)
  SELECT users.id, 'tiktok', 'open-' || number, 'video.publish', 'sealed', now() + interval '9 day'
    FROM users, generate_series(0, {CREATORS - 1}) AS number
"""  # noqa: S608 - a number of ours

OUR_POSTS = f"""
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, started_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM', 'PROCESSING',
         'PROCESSING', %(prefix)s || number, now()
    FROM generate_series(1, %(count)s) AS number
    JOIN oauth_accounts ON open_id = 'open-' || number %% {CREATORS};
INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source, mode)
  SELECT user_id, oauth_account_id, id, publish_id, 'PROCESSING_DOWNLOAD', source, 'DIRECT'
    FROM posts WHERE publish_id LIKE %(prefix)s || '%%'
"""  # noqa: S608 - a number of ours

THEIR_POSTS = """
INSERT INTO posts (publish_id, state)
  SELECT %(prefix)s || number, 'PROCESSING' FROM generate_series(1, %(count)s) AS number
"""

APPLIED = """
SELECT publish_id, extract(epoch FROM max(processed_at)), count(*)
  FROM webhook_events JOIN posts USING (publish_id)
 WHERE publish_id LIKE %(prefix)s || '%%' AND status = 'done' AND posts.state = 'PUBLISHED'
 GROUP BY 1
"""
"""Stored, applied, and with its effect; more than one row would be a notice stored twice."""

WAITING = "SELECT count(*) FROM webhook_events WHERE processed_at IS NULL"
OUR_WAITING = f"{WAITING} AND dead_at IS NULL"  # as an index has it: ours may hold millions


@dataclass(frozen=True)
class Applied:
    """When, in seconds since 1970, by the same clock as the generator's; and how many rows."""

    at: float
    rows: int


@dataclass(frozen=True)
class Memory:
    """One stack's database. `posts` makes publications, `still` counts what waits."""

    dsn: str = field(repr=False)
    posts: str
    still: str = WAITING

    @contextmanager
    def asked(self) -> Iterator[cursor]:
        """One transaction, committed at the end."""
        connection = psycopg2.connect(self.dsn, connect_timeout=3)
        try:
            with connection, connection.cursor() as run:
                yield run
        finally:
            connection.close()

    def run(self, statement: str, **values: Any) -> None:
        with self.asked() as run:
            run.execute(statement, values)

    def expect(self, prefix: str, count: int) -> None:
        """Publications with these ids are under way; the planner knows how many there are."""
        self.run(self.posts, prefix=prefix, count=count)
        self.run("ANALYZE")

    def waiting(self) -> int:
        with self.asked() as run:
            run.execute(self.still)
            found = run.fetchone()
        return int(found[0]) if found else 0

    def applied(self, prefix: str) -> dict[str, Applied]:
        """By publication."""
        with self.asked() as run:
            run.execute(APPLIED, {"prefix": prefix})
            return {row[0]: Applied(float(row[1]), row[2]) for row in run.fetchall()}
