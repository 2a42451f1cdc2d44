"""Queries that connect posts, publications and public videos where the platform's answer is
missing.

They serve three cases: a start whose response was lost (`UNCONFIRMED`, no publish_id), a post found
in the public video list before any webhook named its publish_id (a late match), and a published
post whose video id is not known yet.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, exists, func, not_, or_, select, tuple_, update
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, Accounts, AccountStatus
from db.bulk import ROWS_PARAMETER, rows_table
from db.posts.batches import PlatformKey
from db.posts.posts import Post
from db.posts.tiktok_posts import PUBLIC_IDS_KEY, TikTokPost, TikTokPosts
from db.webhooks.events import Events

PUBLIC_LEVEL = "PUBLIC_TO_EVERYONE"


class PublicationIds(NamedTuple):
    """A publication as a webhook event names it: its owner, publish_id and public video id."""

    provider: str
    account: str
    publish_id: str
    post_id: str


class RecheckBand(NamedTuple):
    """Posts published within that time are polled if the last report is older than `quiet_for`."""

    published_within: timedelta
    quiet_for: timedelta


class Reconciliation:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_unmatched_publications(self, post: Post, *, since: datetime) -> Sequence[str]:
        """Publish ids that webhooks reported for the post's account since then and no post has."""
        account = Accounts(self._session).get(post.oauth_account_id)
        if account is None:
            return []
        publish_ids = Events(self._session).list_unapplied_publications(
            post.provider, account.open_id, since=since
        )
        query = select(Post.publish_id).where(
            Post.provider == post.provider, Post.publish_id.in_(publish_ids)
        )
        matched_ids = set(self._session.scalars(query))
        return [publish_id for publish_id in publish_ids if publish_id not in matched_ids]

    def make_unconfirmed_due(self, accounts: Collection[PlatformKey]) -> None:
        """Make the unconfirmed starts of these accounts due: a webhook may be about one of them.

        Locked rows are skipped; their worker reschedules them.
        """
        if not accounts:
            return
        of_accounts = tuple_(Account.provider, Account.open_id).in_(list(accounts))
        unconfirmed = (
            select(Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(of_accounts, Post.state == "UNCONFIRMED", Post.publish_id.is_(None))
            .with_for_update(of=Post, skip_locked=True)
            .cte("unconfirmed")
        )
        self._session.execute(
            update(Post).where(Post.id == unconfirmed.c.id).values(due_at=func.now()),
            execution_options={"synchronize_session": False},
        )

    def match_late_publications(
        self, publications: Collection[PublicationIds]
    ) -> list[PlatformKey]:
        """Give posts found in the public video list their publish_id; returns the matched ones.

        Skips ambiguous cases: two publications for a post, or two posts for a publication. Called
        only for publications that no post has. Skips locked rows, because waiting here would hold
        other posts; the event is retried later.
        """
        rows = self._session.execute(
            LATE_MATCH_QUERY,
            {ROWS_PARAMETER: [publication._asdict() for publication in publications]},
            execution_options={"populate_existing": True},
        )
        pairs = {(post, str(publish_id)) for post, publish_id in rows}
        matches_per_post = Counter(post.id for post, _ in pairs)
        matches_per_publication = Counter(publish_id for _, publish_id in pairs)
        unambiguous = [
            (post, publish_id)
            for post, publish_id in pairs
            if matches_per_post[post.id] == 1 and matches_per_publication[publish_id] == 1
        ]
        for post, publish_id in unambiguous:
            post.publish_id = publish_id
        self._session.flush()
        for post, _ in unambiguous:
            TikTokPosts(self._session).create(post)
        return [(post.provider, publish_id) for post, publish_id in unambiguous]

    def schedule_video_id_recheck(self, bands: Iterable[RecheckBand], *, limit: int) -> int:
        """Make published posts without a video id due for a poll; returns how many.

        Direct posts that are not for everyone are skipped: they never get a public id.
        """
        is_public = or_(
            TikTokPost.mode == "INBOX", TikTokPost.details["privacy_level"].astext == PUBLIC_LEVEL
        )
        selected = (
            select(Post.id)
            .join(TikTokPost, TikTokPost.post_id == Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(
                TikTokPost.status == "PUBLISH_COMPLETE",
                not_(TikTokPost.details.has_key(PUBLIC_IDS_KEY)),
                or_(*(is_overdue(band) for band in bands)),
                is_public,
                Post.state == "PUBLISHED",
                Post.publish_id.is_not(None),
                Post.due_at.is_(None),
                Account.status == AccountStatus.ACTIVE,
            )
            .order_by(TikTokPost.completed_at)
            .limit(limit)
            .with_for_update(of=Post, skip_locked=True)
            .cte("selected")
        )
        statement = update(Post).where(Post.id == selected.c.id).values(due_at=func.now())
        options = {"synchronize_session": False}
        rows = self._session.execute(statement.returning(Post.id), execution_options=options)
        return len(rows.all())


def is_overdue(band: RecheckBand) -> ColumnElement[bool]:
    """Condition: published within the band's time, and not reported on for `quiet_for`."""
    last_update = func.coalesce(TikTokPost.last_polled_at, TikTokPost.completed_at)
    return and_(
        TikTokPost.completed_at > func.now() - band.published_within,
        last_update < func.now() - band.quiet_for,
    )


def build_late_match_query() -> Any:
    """Select and lock the posts that have a given public video id and no publish_id yet.

    A publish_id that another row has already is left out, and so is a video id that another
    publication of the account has.
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
        .cte("accounts")  # the lock that inserting their `tiktok_posts` rows takes
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


LATE_MATCH_QUERY = build_late_match_query()
