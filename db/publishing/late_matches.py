"""Queries that connect posts, publications and public videos where an id of the platform came late
or not at all.

They serve two cases: a post found in the public video list before any webhook named its publish_id
(a late match), and a published post whose video id is not known yet.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session

from db.accounts.accounts import Account, AccountStatus
from db.bulk import ROWS_PARAMETER, rows_table
from db.posts.posts import Post
from db.providers import PlatformKey
from db.records.post_records import RECORD_TABLES, open_publication
from db.records.record_table import RecordTable


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


class LateMatches:
    def __init__(self, session: Session) -> None:
        self._session = session

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
            open_publication(self._session, post)
        return [(post.provider, publish_id) for post, publish_id in unambiguous]

    def schedule_video_id_recheck(self, bands: Iterable[RecheckBand], *, limit: int) -> int:
        """Make published posts without a video id due for a poll; returns how many.

        Posts to which the platform never gives a public id are skipped.
        """
        all_bands = tuple(bands)
        return sum(
            self._schedule_recheck_of(table, all_bands, limit=limit)
            for table in RECORD_TABLES.values()
        )

    def _schedule_recheck_of(
        self, table: RecordTable, bands: Iterable[RecheckBand], *, limit: int
    ) -> int:
        record = table.model
        selected = (
            select(Post.id)
            .join(record, record.post_id == Post.id)
            .join(Account, Account.id == Post.oauth_account_id)
            .where(
                record.status == table.complete_status,
                not_(record.details.has_key(table.public_ids_key)),
                or_(*(is_overdue(record, band) for band in bands)),
                table.has_public_id,
                Post.state == "PUBLISHED",
                Post.publish_id.is_not(None),
                Post.due_at.is_(None),
                Account.status == AccountStatus.ACTIVE,
            )
            .order_by(record.completed_at)
            .limit(limit)
            .with_for_update(of=Post, skip_locked=True)
            .cte("selected")
        )
        statement = update(Post).where(Post.id == selected.c.id).values(due_at=func.now())
        options = {"synchronize_session": False}
        rows = self._session.execute(statement.returning(Post.id), execution_options=options)
        return len(rows.all())


def is_overdue(record: Any, band: RecheckBand) -> ColumnElement[bool]:
    """Condition: published within the band's time, and not reported on for `quiet_for`."""
    last_update = func.coalesce(record.last_polled_at, record.completed_at)
    return and_(
        record.completed_at > func.now() - band.published_within,
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
        .cte("accounts")  # the lock that inserting their records takes
    )
    return (
        select(Post, accounts.c.publish_id)
        .join(accounts, Post.oauth_account_id == accounts.c.id)
        .where(
            Post.platform_post_id == accounts.c.post_id,
            Post.publish_id.is_(None),
            Post.state == "PUBLISHED",
            *(
                ~is_taken
                for table in RECORD_TABLES.values()
                for is_taken in find_taken_ids(table, accounts)
            ),
        )
        .order_by(Post.id)
        .with_for_update(of=Post, skip_locked=True)
    )


def find_taken_ids(table: RecordTable, accounts: Any) -> tuple[ColumnElement[bool], ...]:
    """Conditions: another record has the publish_id, or another of the account the public id."""
    record = table.model
    has_public_id = record.details[table.public_ids_key].has_key(accounts.c.post_id)
    return (
        exists().where(record.publish_id == accounts.c.publish_id),
        exists().where(record.oauth_account_id == accounts.c.id, has_public_id),
    )


LATE_MATCH_QUERY = build_late_match_query()
