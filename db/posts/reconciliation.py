"""Published posts of which the platform has not told yet under which id the public sees them."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Text, and_, exists, func, not_, or_, select, tuple_, update
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, Accounts, AccountStatus
from db.bulk import ROWS_PARAMETER, rows_table
from db.insights.videos import Video
from db.posts.batches import PlatformKey
from db.posts.posts import Post
from db.posts.tiktok_posts import TikTokPost, TikTokPosts
from db.webhooks.events import Events

PUBLIC_IDS_KEY = "publicaly_available_post_id"  # the vendor's spelling


class PostsWithoutVideoId:
    def __init__(self, session: Session) -> None:
        self._session = session

    def schedule_recheck(
        self, bands: Iterable[tuple[timedelta, timedelta]], *, privacy: str, limit: int
    ) -> int:
        """Due now, to be asked about: those published within the first of a band and not heard of
        for its second. Direct posts that others may not see are left alone: they never get an id.
        """
        record = TikTokPost
        last_update = func.coalesce(record.last_polled_at, record.completed_at)
        is_overdue = [
            and_(record.completed_at > func.now() - within, last_update < func.now() - quiet_for)
            for within, quiet_for in bands
        ]
        is_public = or_(record.mode == "INBOX", record.details["privacy_level"].astext == privacy)
        selected = (
            select(Post.id)
            .join(record, record.ledger_id == Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(
                record.status == "PUBLISH_COMPLETE",
                not_(record.details.has_key(PUBLIC_IDS_KEY)),
                or_(*is_overdue),
                is_public,
                Post.state == "PUBLISHED",
                Post.publish_id.is_not(None),
                Post.due_at.is_(None),
                Account.status == AccountStatus.ACTIVE,
            )
            .order_by(record.completed_at)
            .limit(limit)
            .with_for_update(of=Post, skip_locked=True)
            .cte("wanted")
        )
        statement = update(Post).where(Post.id == selected.c.id).values(due_at=func.now())
        options = {"synchronize_session": False}
        rows = self._session.execute(statement.returning(Post.id), execution_options=options)
        return len(rows.all())


# MERGED db.subjects: Posts that a notice of nobody we know may be about.


class UnmatchedPosts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def wake_unconfirmed(self, accounts: Collection[PlatformKey]) -> None:
        """Starts whose answer was lost look again at once: news of one of them may have come.

        Rows that somebody holds are left out; they come back by themselves.
        """
        if not accounts:
            return
        of_accounts = tuple_(Account.provider, Account.open_id).in_(list(accounts))
        unconfirmed = (
            select(Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(of_accounts, Post.state == "UNCONFIRMED", Post.publish_id.is_(None))
            .with_for_update(of=Post, skip_locked=True)
            .cte("lost")
        )
        self._session.execute(
            update(Post).where(Post.id == unconfirmed.c.id).values(due_at=func.now()),
            execution_options={"synchronize_session": False},
        )


# MERGED db.surfaced: Posts that the public was seen to have while nobody had told their publication: named at last by
# a notice that tells both ids.
#
# Asked only for notices of publications that nobody knows. Waits for no lock: such a notice comes
# back, and whoever waited here would hold other posts meanwhile.


class PublicationIds(NamedTuple):
    """What a notice says of a publication: whose it is, and under which id the public sees it."""

    provider: str
    account: str
    publish_id: str
    post_id: str


def build_match_query() -> Any:
    """The posts, locked, each with the publication it would have, unless another one has that name
    or that id in public.
    """
    publications = rows_table({name: Text() for name in PublicationIds._fields})
    is_owner = (Account.provider == publications.c.provider) & (
        Account.open_id == publications.c.account
    )
    accounts = (
        select(
            Account.id, publications.c.provider, publications.c.publish_id, publications.c.post_id
        )
        .join(publications, is_owner)
        .with_for_update(of=Account, read=True, key_share=True, skip_locked=True)
        .cte("accounts")  # locked as their new records will lock them
    )
    is_public_id_used = TikTokPost.details[PUBLIC_IDS_KEY].has_key(accounts.c.post_id)
    return (
        select(Post, accounts.c.publish_id)
        .join(accounts, Post.oauth_account_id == accounts.c.id)
        .where(
            Post.platform_post_id == accounts.c.post_id,
            Post.publish_id.is_(None),
            Post.state == "PUBLISHED",
            ~exists().where(TikTokPost.publish_id == accounts.c.publish_id),
            ~exists().where(TikTokPost.oauth_account_id == accounts.c.id, is_public_id_used),
        )
        .order_by(Post.id)
        .with_for_update(of=Post, skip_locked=True)
    )


MATCH_QUERY = build_match_query()


class LateMatches:
    def __init__(self, session: Session) -> None:
        self._session = session

    def match(self, publications: Collection[PublicationIds]) -> list[PlatformKey]:
        """Which of these publications are posts of ours: those have their ids and records now.

        Left alone in any doubt: two publications for a post, or two posts for a publication.
        """
        rows = self._session.execute(
            MATCH_QUERY,
            {ROWS_PARAMETER: [publication._asdict() for publication in publications]},
            execution_options={"populate_existing": True},
        )
        pairs = {(post, str(publish_id)) for post, publish_id in rows}
        posts, publish_ids = (
            Counter(post.id for post, _ in pairs),
            Counter(matched_id for _, matched_id in pairs),
        )
        unambiguous = [
            (post, matched_id)
            for post, matched_id in pairs
            if posts[post.id] == publish_ids[matched_id] == 1
        ]
        for post, matched_id in unambiguous:
            post.publish_id = matched_id
        self._session.flush()
        for post, _ in unambiguous:
            TikTokPosts(self._session).create(post)
        return [(post.provider, matched_id) for post, matched_id in unambiguous]


# MERGED db.lost: Starts whose answer was lost, and the publications and videos that might be theirs.


class UnconfirmedStarts:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_unmatched_publications(self, post: Post, *, since: datetime) -> Sequence[str]:
        """Publications of this post's account that webhooks named since then and no post has."""
        account = Accounts(self._session).get(post.oauth_account_id)
        if account is None:
            return []
        publish_ids = Events(self._session).list_unapplied_publications(
            post.provider, account.open_id, since=since
        )
        query = select(Post.publish_id).where(
            Post.provider == post.provider, Post.publish_id.in_(publish_ids)
        )
        own = set(self._session.scalars(query))
        return [publish_id for publish_id in publish_ids if publish_id not in own]

    def has_other_unconfirmed(self, post: Post) -> bool:
        """Whether the same account misses another answer as well."""
        query = select(Post.id).where(
            Post.oauth_account_id == post.oauth_account_id,
            Post.id != post.id,
            Post.state == "UNCONFIRMED",
            Post.publish_id.is_(None),
        )
        return bool(self._session.scalar(select(exists(query))))

    def list_unmatched_videos(
        self, post: Post, *, since: datetime, until: datetime
    ) -> Sequence[Video]:
        """What appeared in public on this post's account then, and is no other post's of ours."""
        same_account = TikTokPost.oauth_account_id == Video.oauth_account_id
        is_own_record = exists().where(
            same_account, TikTokPost.details[PUBLIC_IDS_KEY].has_key(Video.video_id)
        )
        is_own_post = exists().where(
            Post.oauth_account_id == Video.oauth_account_id, Post.platform_post_id == Video.video_id
        )
        query = select(Video).where(
            Video.oauth_account_id == post.oauth_account_id,
            Video.posted_at >= since,
            Video.posted_at <= until,
            ~is_own_record,
            ~is_own_post,
        )
        return self._session.scalars(query.order_by(Video.posted_at)).all()

    def list_competing_posts(self, post: Post, *, since: datetime) -> Sequence[Post]:
        """Others of the account that may be out, or come out, and that nobody has seen yet."""
        is_unknown = and_(Post.state == "FAILED", Post.error_code == "outcome_unknown")
        may_be_published = or_(Post.state.not_in(("QUEUED", "FAILED", "CANCELLED")), is_unknown)
        query = select(Post).where(
            Post.oauth_account_id == post.oauth_account_id,
            Post.id != post.id,
            Post.platform_post_id.is_(None),
            Post.created_at >= since,
            may_be_published,
        )
        return self._session.scalars(query).all()

    def create_tiktok_post(self, post: Post) -> None:
        """The platform's side of a post whose publish_id has just been found."""
        TikTokPosts(self._session).create(post)
