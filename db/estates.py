"""Everything that an account has left behind, to be erased on its owner's word."""

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from db.insights import Snapshots, Subject
from db.media import Media
from db.posts import Post
from db.records import TikTokPost
from db.videos import Video
from db.watches import Watch

LOOSE = {"synchronize_session": False}
"""Nobody in this session looks at the rows again."""


class Estates:
    def __init__(self, session: Session) -> None:
        self._session = session

    def erase(self, account_id: int) -> None:
        """Posts, records and numbers go now; files that only they used, at the next sweep."""
        mine = select(Post.media_id).where(Post.oauth_account_id == account_id)
        others = exists().where(Post.media_id == Media.id, Post.oauth_account_id != account_id)
        used = (Media.id.in_(mine), ~others)
        self._session.execute(
            update(Media).where(*used).values(expires_at=func.now()), execution_options=LOOSE
        )
        records = delete(TikTokPost).where(TikTokPost.oauth_account_id == account_id)
        self._session.execute(records, execution_options=LOOSE)
        posts = delete(Post).where(Post.oauth_account_id == account_id)
        self._session.execute(posts, execution_options=LOOSE)
        for sampled in (Watch, Video):  # in this order: whoever samples holds the watch
            mine_too = delete(sampled).where(sampled.oauth_account_id == account_id)
            self._session.execute(mine_too, execution_options=LOOSE)
        Snapshots(self._session).drop(Subject("account", account_id))
