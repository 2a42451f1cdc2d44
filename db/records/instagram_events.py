"""What Instagram's webhook events change: comments, metrics and mentions of connected accounts."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Select,
    Text,
    case,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Session

from db.bulk import execute_with_rows, rows_table
from db.comments.comments import CommentIdentity, NewComment
from db.comments.item_records import (
    EventAccount,
    EventItem,
    ItemCounts,
    MentionPlace,
    SavedMention,
)
from db.insights.schedule import SamplingSchedule, SamplingSchedules
from db.insights.snapshots import MetricSnapshots, MetricSubject
from db.records.instagram import ASSUMED_TYPE
from db.records.instagram_comments import upsert_comments
from db.records.instagram_tables import IgComment, IgMedia, IgMention, InstagramAccount

MEDIA: Any = IgMedia.__table__
MENTIONS: Any = IgMention.__table__
MENTION_KEY = ("instagram_account_id", "media_ig_id", "comment_ig_id")
MEDIA_SUBJECT = "media"  # kind of subject of the metric snapshots of media


class InstagramEventRecords:
    """The `ItemRecords` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find_accounts(self, external_ids: Collection[str]) -> Mapping[str, EventAccount]:
        query = select(
            InstagramAccount.id,
            InstagramAccount.ig_business_id,
            InstagramAccount.user_id,
            InstagramAccount.oauth_account_id,
            InstagramAccount.username,
        ).where(
            InstagramAccount.ig_business_id.in_(external_ids),
            InstagramAccount.disconnected_at.is_(None),
            InstagramAccount.selected,
        )
        return {row.ig_business_id: EventAccount(*row) for row in self._session.execute(query)}

    def find_items(self, external_ids: Collection[str]) -> Mapping[str, EventItem]:
        query = item_query().where(IgMedia.ig_id.in_(external_ids))
        return {row.ig_id: EventItem(*row) for row in self._session.execute(query)}

    def add_items(self, accounts_by_item: Mapping[str, EventAccount]) -> None:
        rows = [
            {"instagram_account_id": accounts_by_item[ig_id].id, "ig_id": ig_id}
            for ig_id in sorted(accounts_by_item)
        ]
        execute_with_rows(self._session, INSERT_MEDIA, rows)

    def find_items_of_comments(self, comment_ids: Collection[str]) -> Mapping[str, EventItem]:
        query = item_query().join(IgComment, IgComment.ig_media_id == IgMedia.id)
        query = query.add_columns(IgComment.ig_id.label("comment_id"))
        rows = self._session.execute(query.where(IgComment.ig_id.in_(comment_ids)))
        return {row.comment_id: EventItem(*row[:-1]) for row in rows}

    def save_comments(self, comments: Sequence[NewComment]) -> Sequence[CommentIdentity]:
        return upsert_comments(self._session, comments)

    def save_counts(self, counts: Sequence[ItemCounts]) -> None:
        rows = [
            {"id": item.item_id, "counts": dict(item.counts), "at": item.at}
            for item in sorted(counts, key=lambda item: item.item_id)
        ]
        execute_with_rows(self._session, UPDATE_COUNTS, rows)
        MetricSnapshots(self._session).add(
            {
                MetricSubject(MEDIA_SUBJECT, item.item_id, "instagram"): item.counts
                for item in counts
            }
        )

    def add_mentions(self, mentions: Sequence[MentionPlace]) -> Sequence[SavedMention]:
        rows = [
            {
                "instagram_account_id": mention.account_id,
                "media_ig_id": mention.item_external_id or "",
                "comment_ig_id": mention.comment_external_id or "",
            }
            for mention in mentions
        ]
        saved = execute_with_rows(self._session, INSERT_MENTIONS, rows)
        return [
            SavedMention(row.id, row.account_id, row.media_ig_id or None, row.comment_ig_id or None)
            for row in saved
        ]

    def request_listing(self, account_ids: Collection[int]) -> None:
        is_one_of = SamplingSchedule.destination_id.in_(account_ids)
        SamplingSchedules(self._session).request_listing(is_one_of)

    def make_due(self, account_ids: Collection[int]) -> None:
        SamplingSchedules(self._session).make_due([], sorted(account_ids))

    def erase_comments_by(self, author_ids: Collection[str]) -> None:
        comments: Any = IgComment.__table__
        self._session.execute(delete(comments).where(comments.c.from_id.in_(author_ids)))


def item_query() -> Select[Any]:
    query: Any = select(
        IgMedia.id,
        IgMedia.ig_id,
        IgMedia.instagram_account_id,
        InstagramAccount.user_id,
        IgMedia.post_id,
    )
    joined: Select[Any] = query.join(
        InstagramAccount, InstagramAccount.id == IgMedia.instagram_account_id
    )
    return joined


def build_media_insert() -> Any:
    rows = rows_table({"instagram_account_id": BigInteger(), "ig_id": Text()})
    values = {
        "instagram_account_id": rows.c.instagram_account_id,
        "ig_id": rows.c.ig_id,
        "media_type": literal(ASSUMED_TYPE),
        "insights_due_at": func.now(),
    }
    query = select(*values.values()).order_by(rows.c.ig_id)
    return insert(MEDIA).from_select(list(values), query).on_conflict_do_nothing()


def build_counts_update() -> Any:
    """Newer values replace stored ones; older ones only fill what is missing."""
    rows = rows_table(
        {"id": BigInteger(), "counts": JSONB(), "at": DateTime(timezone=True)},
    )
    is_object = func.jsonb_typeof(MEDIA.c.metrics_json) == "object"
    stored: Any = case((is_object, MEDIA.c.metrics_json), else_=literal({}, JSONB()))
    is_newer = func.coalesce(MEDIA.c.insights_updated_at, "-infinity") <= rows.c.at
    values = {
        "metrics_json": case(
            (is_newer, stored.concat(rows.c.counts)), else_=rows.c.counts.concat(stored)
        ),
        "insights_updated_at": func.greatest(MEDIA.c.insights_updated_at, rows.c.at),
    }
    return update(MEDIA).where(MEDIA.c.id == rows.c.id).values(values)


def build_mentions_insert() -> Any:
    rows = rows_table({name: MENTIONS.c[name].type for name in MENTION_KEY})
    key = [rows.c[name] for name in MENTION_KEY]
    query = select(*key, func.now()).order_by(*key)
    statement = insert(MENTIONS).from_select([*MENTION_KEY, "due_at"], query)
    statement = statement.on_conflict_do_nothing()
    return statement.returning(
        MENTIONS.c.id,
        MENTIONS.c.instagram_account_id.label("account_id"),
        MENTIONS.c.media_ig_id,
        MENTIONS.c.comment_ig_id,
    )


INSERT_MEDIA = build_media_insert()
UPDATE_COUNTS = build_counts_update()
INSERT_MENTIONS = build_mentions_insert()
