"""Reads posts from the database with plain SQL, so that the demo does not rely on our own code."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

POSTS_QUERY = """
SELECT posts.id, posts.state, record.status, count(event.id)
  FROM posts
  LEFT JOIN tiktok_posts AS record ON record.publish_id = posts.publish_id
  LEFT JOIN post_events AS event ON event.post_id = posts.id AND event.kind = 'webhook'
 WHERE posts.id = ANY(%s)
 GROUP BY posts.id, record.status
 ORDER BY posts.id
"""


@dataclass(frozen=True)
class CheckedPost:
    """One post: our state, TikTok's status, and how many webhook events are in its timeline."""

    post_id: int
    state: str
    platform_status: str | None
    webhook_count: int

    @property
    def is_published(self) -> bool:
        return self.state == "PUBLISHED"


def query_posts(database: str, post_ids: Sequence[int]) -> list[CheckedPost]:
    """Return the posts that exist, ordered by id. Shapes: `database` is a DSN."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cur:
        cur.execute(POSTS_QUERY, (list(post_ids),))
        return [CheckedPost(*row) for row in cur.fetchall()]
