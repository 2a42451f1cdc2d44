"""Reads posts from the database with plain SQL, so that the demo does not rely on our own code."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

POSTS_QUERY = """
SELECT posts.id, posts.provider, posts.kind, posts.state, posts.platform_post_id,
       (SELECT count(*) FROM post_parts AS part WHERE part.post_id = posts.id),
       (SELECT count(*) FROM post_events AS event
         WHERE event.post_id = posts.id AND event.kind = 'webhook')
  FROM posts
 WHERE posts.id = ANY(%s)
 ORDER BY posts.id
"""
EVENTS_QUERY = """
SELECT provider, count(*) FROM webhook_events WHERE status = 'done' GROUP BY provider ORDER BY 1
"""


@dataclass(frozen=True)
class CheckedPost:
    """One post: its state, its id at the platform, its parts, and webhooks in its timeline."""

    post_id: int
    platform: str
    kind: str
    state: str
    platform_post_id: str | None
    part_count: int
    webhook_count: int

    @property
    def is_published(self) -> bool:
        return self.state == "PUBLISHED"


def query_posts(database: str, post_ids: Sequence[int]) -> list[CheckedPost]:
    """Return the posts that exist, ordered by id. Shapes: `database` is a DSN."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cur:
        cur.execute(POSTS_QUERY, (list(post_ids),))
        return [CheckedPost(*row) for row in cur.fetchall()]


def count_applied_events(database: str) -> dict[str, int]:
    """Return how many webhook events of each platform were applied."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cur:
        cur.execute(EVENTS_QUERY)
        return dict(cur.fetchall())
