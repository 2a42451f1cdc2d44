"""Posts that the public was seen to have while nobody had told their publication: named at last by
a notice that tells both ids.

Asked only for notices of publications that nobody knows. Waits for no lock: such a notice comes
back, and whoever waited here would hold other posts meanwhile.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Text, exists, select
from sqlalchemy.orm import Session

from db.accounts import Account
from db.heard import Key
from db.nameless import IDS
from db.posts import Post
from db.records import Records, TikTokPost
from db.recordset import ROWS, given


class Shown(NamedTuple):
    """What a notice says of a publication: whose it is, and under which id the public sees it."""

    provider: str
    account: str
    publish_id: str
    post_id: str


def finding() -> Any:
    """The posts, locked, each with the publication it would have, unless another one has that name
    or that id in public.
    """
    told = given({name: Text() for name in Shown._fields})
    whose = (Account.provider == told.c.provider) & (Account.open_id == told.c.account)
    accounts = (
        select(Account.id, told.c.provider, told.c.publish_id, told.c.post_id)
        .join(told, whose)
        .with_for_update(of=Account, read=True, key_share=True, skip_locked=True)
        .cte("accounts")  # locked as their new records will lock them
    )
    seen = TikTokPost.details[IDS].has_key(accounts.c.post_id)
    return (
        select(Post, accounts.c.publish_id)
        .join(accounts, Post.oauth_account_id == accounts.c.id)
        .where(
            Post.platform_post_id == accounts.c.post_id,
            Post.publish_id.is_(None),
            Post.state == "PUBLISHED",
            ~exists().where(TikTokPost.publish_id == accounts.c.publish_id),
            ~exists().where(TikTokPost.oauth_account_id == accounts.c.id, seen),
        )
        .order_by(Post.id)
        .with_for_update(of=Post, skip_locked=True)
    )


FINDING = finding()


class Surfaced:
    def __init__(self, session: Session) -> None:
        self._session = session

    def name(self, shown: Collection[Shown]) -> list[Key]:
        """Which of these publications are posts of ours: those have their ids and records now.

        Left alone in any doubt: two publications for a post, or two posts for a publication.
        """
        rows = self._session.execute(
            FINDING,
            {ROWS: [one._asdict() for one in shown]},
            execution_options={"populate_existing": True},
        )
        pairs = {(post, str(publish_id)) for post, publish_id in rows}
        posts, names = Counter(post.id for post, _ in pairs), Counter(name for _, name in pairs)
        sure = [(post, name) for post, name in pairs if posts[post.id] == names[name] == 1]
        for post, name in sure:
            post.publish_id = name
        self._session.flush()
        for post, _ in sure:
            Records(self._session).open(post)
        return [(post.provider, name) for post, name in sure]
