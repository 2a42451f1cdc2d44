"""Account erasure: delete the posts, videos and metrics of an account at its owner's request."""

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshots, MetricSubject
from db.insights.videos import Video
from db.media.files import Media
from db.posts.posts import Post
from db.posts.tiktok_posts import TikTokPost

NO_SESSION_SYNC = {"synchronize_session": False}
"""This session does not read the rows again."""


class AccountErasure:
    def __init__(self, session: Session) -> None:
        self._session = session

    def erase(self, account_id: int) -> None:
        """Delete posts, TikTok records, videos and metrics of the account.

        Media files that only its posts used expire now; housekeeping deletes them.
        """
        account_media_ids = select(Post.media_id).where(Post.oauth_account_id == account_id)
        used_by_others = exists().where(
            Post.media_id == Media.id, Post.oauth_account_id != account_id
        )
        conditions = (Media.id.in_(account_media_ids), ~used_by_others)
        self._session.execute(
            update(Media).where(*conditions).values(expires_at=func.now()),
            execution_options=NO_SESSION_SYNC,
        )
        records = delete(TikTokPost).where(TikTokPost.oauth_account_id == account_id)
        self._session.execute(records, execution_options=NO_SESSION_SYNC)
        posts = delete(Post).where(Post.oauth_account_id == account_id)
        self._session.execute(posts, execution_options=NO_SESSION_SYNC)
        # The schedule first: this DELETE waits for a worker that samples, which has locked the row.
        for table in (SamplingSchedule, Video):
            statement = delete(table).where(table.oauth_account_id == account_id)
            self._session.execute(statement, execution_options=NO_SESSION_SYNC)
        MetricSnapshots(self._session).delete(MetricSubject("account", account_id))
