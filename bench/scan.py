"""What one look for due work costs when nearly nothing is due: a claim, as the engine makes it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Delays
from bench.ground import Ground
from bench.memory import OUR_POSTS, PEOPLE, Memory
from core import posts
from db import upgrades
from db.session import Database

LOOKS = 50
LATER = "UPDATE posts SET due_at = now() + interval '1 day' + id * interval '1 second'"
SOME = """
UPDATE posts SET due_at = now(), leased_until = NULL
 WHERE id IN (SELECT id FROM posts ORDER BY id DESC LIMIT %(count)s)
"""


@dataclass(frozen=True)
class Scan:
    """Milliseconds of a claim with its commit."""

    rows: int
    due: int
    claim: Delays | None


def scan(ground: Ground, *, rows: int) -> list[Scan]:
    """Once with nothing due, once with a whole batch."""
    plot = ground.plot("scan")
    upgrades.up(plot.url)
    memory = Memory(plot.dsn, OUR_POSTS)
    memory.run(PEOPLE)
    memory.expect("later-", rows)
    memory.run(LATER)
    memory.run("ANALYZE")
    database = Database(plot.url, application_name="bench")
    try:
        batch = posts.WORK.batch
        idle = look(database, lambda: None, finds=0)
        busy = look(database, lambda: memory.run(SOME, count=batch), finds=batch)
    finally:
        database.dispose()
    return [Scan(rows, 0, Delays.of(idle)), Scan(rows, batch, Delays.of(busy))]


def look(database: Database, beforehand: Callable[[], None], *, finds: int) -> list[float]:
    """Seconds of each look but the first, which connects."""
    taken = []
    for _ in range(LOOKS + 1):
        beforehand()
        began = time.perf_counter()
        with database.transaction() as session:
            found = posts.WORK.queue.claim(session, limit=posts.WORK.batch, lease=posts.WORK.lease)
        taken.append(time.perf_counter() - began)
        assert len(found) == finds
    return taken[1:]
