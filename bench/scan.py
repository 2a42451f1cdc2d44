"""What one look for due work costs when nearly nothing is due: a claim, as the engine makes it.

Among a million accounts and a million posts, by default: half of the posts have ended, half are
wished for later, and no account is to be renewed today.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg2

from bench.figures import Delays
from bench.ground import Ground
from bench.memory import Memory
from core import accounts, posts
from core.engine.kinds import Work
from db import upgrades
from db.session import Database

LOOKS = 300
PIECE = 250_000  # rows per statement

PEOPLE = "INSERT INTO users (email) VALUES ('bench@example.org')"
ACCOUNTS = """
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at,
                            refresh_due_at)
  SELECT users.id, 'tiktok', 'open-' || number, 'video.publish', 'sealed', now() + interval '9 day',
         now() + interval '1 day' + number * interval '100 milliseconds'
    FROM users, generate_series(%(first)s, %(last)s) AS number
"""
POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, step,
                   publish_id, due_at, finished_at)
  SELECT user_id, id, 'tiktok', 'DIRECT_VIDEO', 'PULL_FROM_URL', 'PLATFORM',
         CASE WHEN id %% 2 = 0 THEN 'PUBLISHED' ELSE 'QUEUED' END,
         CASE WHEN id %% 2 = 0 THEN 'PUBLISHED' END,
         CASE WHEN id %% 2 = 0 THEN 'scan-' || id END,
         CASE WHEN id %% 2 = 1 THEN now() + interval '1 day' + id * interval '1 second' END,
         CASE WHEN id %% 2 = 0 THEN now() END
    FROM oauth_accounts WHERE open_id = ANY
         (SELECT 'open-' || number FROM generate_series(%(first)s, %(last)s) AS number)
"""
DUE = """
UPDATE {table} SET {due} = now(), leased_until = NULL
 WHERE id IN (SELECT id FROM {table} WHERE {due} IS NOT NULL ORDER BY id DESC LIMIT %(count)s)
"""


@dataclass(frozen=True)
class Scan:
    """Milliseconds of a claim with its commit; `rows` are in that table."""

    kind: str
    rows: int
    due: int
    claim: Delays | None


@dataclass(frozen=True)
class Lane:
    """A kind, and what makes a batch of it due."""

    work: Work[Any, Any, Any]
    due: str


LANES = (
    Lane(accounts.WORK, DUE.format(table="oauth_accounts", due="refresh_due_at")),
    Lane(posts.WORK, DUE.format(table="posts", due="due_at")),
)


def scan(ground: Ground, *, rows: int) -> list[Scan]:
    """Of each kind once with nothing due, once with a whole batch."""
    plot = ground.plot("scan")
    upgrades.up(plot.url)
    memory = Memory(plot.dsn, "")
    fill(memory, rows)
    database = Database(plot.url, application_name="bench")
    try:
        return [each for lane in LANES for each in looked(database, memory, lane, rows)]
    finally:
        database.dispose()


def fill(memory: Memory, rows: int) -> None:
    memory.run(PEOPLE)
    for statement in (ACCOUNTS, POSTS):
        for first in range(1, rows + 1, PIECE):
            memory.run(statement, first=first, last=min(first + PIECE - 1, rows))
    connection = psycopg2.connect(memory.dsn)
    connection.autocommit = True  # it does not run inside a transaction
    with connection.cursor() as run:
        run.execute("VACUUM (ANALYZE)")
        run.execute("CHECKPOINT")
    connection.close()


def looked(database: Database, memory: Memory, lane: Lane, rows: int) -> list[Scan]:
    batch = lane.work.batch
    idle = look(database, lane.work, lambda: None, finds=0)
    busy = look(database, lane.work, lambda: memory.run(lane.due, count=batch), finds=batch)
    kind = lane.work.kind
    return [Scan(kind, rows, 0, Delays.of(idle)), Scan(kind, rows, batch, Delays.of(busy))]


def look(
    database: Database, work: Work[Any, Any, Any], beforehand: Callable[[], None], *, finds: int
) -> list[float]:
    """Seconds of each look but the first, which connects."""
    taken = []
    for _ in range(LOOKS + 1):
        beforehand()
        began = time.perf_counter()
        with database.transaction() as session:
            found = work.queue.claim(session, limit=work.batch, lease=work.lease)
        taken.append(time.perf_counter() - began)
        assert len(found) == finds
    return taken[1:]
