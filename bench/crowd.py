"""Rows as the house would have made them, by the thousand: accounts with sealed tokens, and posts.

The one place of the bench that knows our keys. Nothing is due before it is told to be.
"""

from collections.abc import Iterable, Iterator, Mapping

from psycopg2.extras import execute_values

from bench.memory import Memory
from core.config.settings import Settings
from core.crypto import KeyRing, access_context, refresh_context
from platforms.secret import Secret

PROVIDER = "tiktok"

PEOPLE = """
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, expires_at, refresh_expires_at,
                            access_token_encrypted, refresh_token_encrypted) VALUES %s
"""
ONE = """
(%s, 'tiktok', %s, 'video.publish', now() + interval '1 day', now() + interval '9 day', %s, %s)
"""

POSTS = """
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


def accounts(memory: Memory, environment: Mapping[str, str], count: int) -> None:
    """Connected accounts `crowd-…`, whose refresh tokens the sink takes once each."""
    keys = KeyRing(Settings.from_env(dict(environment)).keys)
    with memory.asked() as run:
        run.execute("SELECT min(id) FROM users")
        found = run.fetchone()
        assert found
        execute_values(run, PEOPLE, sealed(keys, found[0], range(count)), template=ONE)


def sealed(keys: KeyRing, user: int, numbers: Iterable[int]) -> Iterator[tuple[object, ...]]:
    for number in numbers:
        who = f"crowd-{number}"
        bound = (PROVIDER, who, user)
        yield (
            user,
            who,
            keys.seal(Secret(f"act.{who}.0"), access_context(*bound)),
            keys.seal(Secret(f"rft.{who}.0"), refresh_context(*bound)),
        )


def posts(memory: Memory, *, each: int) -> None:
    """So many posts of each of them, under way at the platform."""
    memory.run(POSTS, each=each)
    memory.run("ANALYZE")
