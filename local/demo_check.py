"""What the database says of posts. Asked past our own code: the demo must not believe itself."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

POSTS_QUERY = """
SELECT posts.id, posts.state, record.status, count(heard.id)
  FROM posts
  LEFT JOIN tiktok_posts AS record ON record.publish_id = posts.publish_id
  LEFT JOIN post_events AS heard ON heard.post_id = posts.id AND heard.kind = 'webhook'
 WHERE posts.id = ANY(%s)
 GROUP BY posts.id, record.status
 ORDER BY posts.id
"""


@dataclass(frozen=True)
class CheckedPost:
    """One post: our state, TikTok's word for it, and how many webhooks told us so."""

    post_id: int
    state: str
    platform_status: str | None
    webhook_count: int

    @property
    def is_published(self) -> bool:
        return self.state == "PUBLISHED"


def query_posts(database: str, post_ids: Sequence[int]) -> list[CheckedPost]:
    """Shapes: `database` is a DSN. A post that is not there is missing from the answer."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cur:
        cur.execute(POSTS_QUERY, (list(post_ids),))
        return [CheckedPost(*row) for row in cur.fetchall()]
