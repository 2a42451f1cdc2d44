"""What the database says of posts. Asked past our own code: the demo must not believe itself."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import psycopg2

QUESTION = """
SELECT posts.id, posts.state, record.status, count(heard.id)
  FROM posts
  LEFT JOIN tiktok_posts AS record ON record.publish_id = posts.publish_id
  LEFT JOIN post_events AS heard ON heard.post_id = posts.id AND heard.kind = 'webhook'
 WHERE posts.id = ANY(%s)
 GROUP BY posts.id, record.status
 ORDER BY posts.id
"""


@dataclass(frozen=True)
class Truth:
    """One post: our state, TikTok's word for it, and how many webhooks told us so."""

    post_id: int
    state: str
    status: str | None
    webhooks: int

    @property
    def is_published(self) -> bool:
        return self.state == "PUBLISHED"


def ask(database: str, post_ids: Sequence[int]) -> list[Truth]:
    """Shapes: `database` is a DSN. A post that is not there is missing from the answer."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as run:
        run.execute(QUESTION, (list(post_ids),))
        return [Truth(*row) for row in run.fetchall()]
