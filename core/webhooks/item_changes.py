"""Collects what events about the posts of accounts change: comments, mentions, metrics, lists.

`load` reads what all events of a batch need, the `add_…` methods collect, `flush` writes with a few
statements for any number of events.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.new_comments import to_new_comment
from core.outbox import AppEvent, enqueue_events
from core.outbox.comment_events import (
    EventSource,
    ReceivedComment,
    build_comment_event,
    build_mention_event,
)
from db.comments.comments import NewComment
from db.comments.item_records import (
    EventAccount,
    EventItem,
    ItemCounts,
    ItemRecords,
    MentionPlace,
    SavedMention,
)
from db.identity.notifications import Notifications
from db.records.event_records import find_event_records
from db.session import Session, database_now
from platforms.base import ParsedEvent
from platforms.comments import PlatformComment
from platforms.platform import Effect

UNKNOWN_ACCOUNT = "no connected account has this id"
OTHER_OWNER = "the post belongs to the account of another user"
NO_CONTENT = "the event does not say what it is about"
"""Why an event has no effect, as operators read it."""

ITEM_EFFECTS = frozenset({Effect.COMMENT, Effect.METRICS})
COMMENTS_NOTIFICATION = "new_comments"
MENTION_NOTIFICATION = "mention"


@dataclass(frozen=True)
class ItemEvent:
    """A parsed event about a post, its effect, and the time at which its content was true."""

    parsed: ParsedEvent
    effect: Effect | None
    at: datetime

    @property
    def needs_item(self) -> bool:
        """Whether it is about a post of the account itself; a mention is on somebody else's."""
        return self.effect in ITEM_EFFECTS

    @property
    def comment_ids(self) -> list[str]:
        """Ids of comments by which the post may be found, if the event does not name it."""
        comment = self.parsed.comment
        if comment is None or not self.needs_item or self.parsed.item_id is not None:
            return []
        return [comment_id for comment_id in (comment.id, comment.parent_id) if comment_id]


@dataclass
class ItemChanges:
    """The changes of one batch to the posts of one platform. `records` None: it has no tables."""

    session: Session
    provider: str
    records: ItemRecords | None
    _accounts: dict[str, EventAccount] = field(default_factory=dict)
    _items: dict[str, EventItem] = field(default_factory=dict)
    _items_by_comment: dict[str, EventItem] = field(default_factory=dict)
    _comments: list[NewComment] = field(default_factory=list)
    _comment_accounts: dict[str, tuple[EventAccount, EventItem]] = field(default_factory=dict)
    _counts: list[ItemCounts] = field(default_factory=list)
    _mentions: dict[MentionPlace, EventAccount] = field(default_factory=dict)
    _listings: set[int] = field(default_factory=set)

    def load(self, events: Sequence[ItemEvent]) -> None:
        """Read the accounts and posts of these events; add rows for posts that are not known."""
        account_ids = {event.parsed.platform_user_id for event in events} - {None}
        if self.records is None or not account_ids:
            return
        self._accounts = dict(self.records.find_accounts([str(item) for item in account_ids]))
        owners = {
            event.parsed.item_id: self._accounts[event.parsed.platform_user_id]
            for event in reversed(events)
            if event.needs_item
            and event.parsed.item_id is not None
            and event.parsed.platform_user_id in self._accounts
        }
        self._load_items(self.records, owners)
        comment_ids = {comment_id for event in events for comment_id in event.comment_ids}
        if comment_ids:
            self._items_by_comment = dict(self.records.find_items_of_comments(comment_ids))

    def _load_items(self, records: ItemRecords, owners: dict[str, EventAccount]) -> None:
        self._items = dict(records.find_items(owners)) if owners else {}
        unknown = {item_id: owners[item_id] for item_id in owners if item_id not in self._items}
        if unknown:
            records.add_items(unknown)
            self._items |= records.find_items(unknown)
            self._listings |= {account.id for account in unknown.values()}

    def add_comment(self, event: ItemEvent) -> str | None:
        """Collect a comment. Return why it has no effect, if it has none.

        A comment whose post is not named is found by reading the account's comments.
        """
        account, comment = self._find_account(event), event.parsed.comment
        if account is None:
            return UNKNOWN_ACCOUNT
        if comment is None:
            return NO_CONTENT
        item = self._find_item(event)
        if item is None:
            self._listings.add(account.id)
            return None
        if item.user_id != account.user_id:
            return OTHER_OWNER
        self._comments.append(read_event_comment(comment, item, account, at=event.at))
        self._comment_accounts.setdefault(comment.id, (account, item))
        return None

    def add_counts(self, event: ItemEvent) -> str | None:
        account, counts = self._find_account(event), event.parsed.counts
        if account is None:
            return UNKNOWN_ACCOUNT
        item = self._find_item(event)
        if item is None or not counts:
            return NO_CONTENT
        if item.user_id != account.user_id:
            return OTHER_OWNER
        self._counts.append(ItemCounts(item.id, counts, event.at))
        return None

    def add_mention(self, event: ItemEvent) -> str | None:
        account, comment = self._find_account(event), event.parsed.comment
        if account is None:
            return UNKNOWN_ACCOUNT
        if comment is None and event.parsed.item_id is None:
            return NO_CONTENT
        comment_id = None if comment is None else comment.id
        place = MentionPlace(account.id, event.parsed.item_id, comment_id)
        self._mentions.setdefault(place, account)
        return None

    def add_listing(self, event: ItemEvent) -> str | None:
        """Have the account's posts listed, because one of them has changed."""
        account = self._find_account(event)
        if account is None:
            return UNKNOWN_ACCOUNT
        self._listings.add(account.id)
        return None

    def flush(self) -> None:
        """Write everything that was collected."""
        if self.records is None:
            return
        app_events: list[AppEvent] = []
        notifications: list[dict[str, Any]] = []
        if self._comments:
            received = self._save_comments(self.records)
            app_events += [build_comment_event(*pair) for pair in received]
            sources = [source for source, _ in received]
            notifications += self._build_digests(sources, COMMENTS_NOTIFICATION)
        if self._counts:
            self.records.save_counts(merge_counts(self._counts))
        if self._mentions:
            saved = self.records.add_mentions(list(self._mentions))
            app_events += [self._build_mention_event(mention) for mention in saved]
            sources = [self._mention_source(mention) for mention in saved]
            notifications += self._build_digests(sources, MENTION_NOTIFICATION)
            self.records.make_due({mention.account_id for mention in saved})
        if self._listings:
            self.records.request_listing(self._listings)
        enqueue_events(self.session, app_events)
        # In one order, so that two batches with notifications for the same users never deadlock.
        notifications.sort(key=lambda row: (row["user_id"], row["kind"], row["cause"]))
        Notifications(self.session).add_all(notifications)

    def _find_account(self, event: ItemEvent) -> EventAccount | None:
        return self._accounts.get(event.parsed.platform_user_id or "")

    def _find_item(self, event: ItemEvent) -> EventItem | None:
        if event.parsed.item_id is not None:
            return self._items.get(event.parsed.item_id)
        found = (self._items_by_comment.get(comment_id) for comment_id in event.comment_ids)
        return next((item for item in found if item is not None), None)

    def _save_comments(self, records: ItemRecords) -> list[tuple[EventSource, ReceivedComment]]:
        """Store the comments; return those of others that were not known before."""
        in_order = sorted(self._comments, key=lambda comment: comment.seen_at)
        newest = {comment.comment_id: comment for comment in in_order}
        own_ids = {comment.comment_id for comment in in_order if comment.is_own}
        received = []
        for saved in records.save_comments(in_order):
            if saved.is_new and saved.comment_id not in own_ids:
                account, item = self._comment_accounts[saved.comment_id]
                comment = to_received(newest[saved.comment_id], item, saved.id)
                received.append((self._source(account), comment))
        return received

    def _build_digests(self, sources: Sequence[EventSource], kind: str) -> list[dict[str, Any]]:
        """One notification per account and day: a busy account has a thousand comments an hour."""
        if not sources:
            return []
        names = {account.id: account.handle for account in self._accounts.values()}
        day = database_now(self.session).date()
        return [
            Notifications.new_row(
                source.user_id,
                kind,
                cause=f"destination:{source.destination_id}:{day}",
                subject=f"account:{source.account_id}",
                account_id=source.account_id,
                name=names.get(source.destination_id or 0),
            )
            for source in dict.fromkeys(sources)
        ]

    def _build_mention_event(self, mention: SavedMention) -> AppEvent:
        return build_mention_event(
            self._mention_source(mention),
            mention.id,
            item_external_id=mention.item_external_id,
            comment_external_id=mention.comment_external_id,
        )

    def _mention_source(self, mention: SavedMention) -> EventSource:
        accounts = {account.id: account for account in self._accounts.values()}
        return self._source(accounts[mention.account_id])

    def _source(self, account: EventAccount) -> EventSource:
        return EventSource(account.user_id, self.provider, account.login_id, account.id)


def open_item_changes(session: Session, provider: str) -> ItemChanges:
    return ItemChanges(session, provider, find_event_records(session, provider))


def read_event_comment(
    comment: PlatformComment, item: EventItem, account: EventAccount, *, at: datetime
) -> NewComment:
    """Return the comment as it is stored. It is our own if the account has written it."""
    names = (comment.author_name or "", account.handle or "")
    has_own_name = bool(comment.author_name) and names[0].casefold() == names[1].casefold()
    stored = to_new_comment(comment, item.id, seen_at=at)
    return replace(stored, is_own=True) if has_own_name else stored


def to_received(comment: NewComment, item: EventItem, row_id: int) -> ReceivedComment:
    return ReceivedComment(
        id=row_id,
        external_id=comment.comment_id,
        item_external_id=item.external_id,
        post_id=item.post_id,
        parent_id=comment.parent_id,
        author_id=comment.author_id,
        author_name=comment.author_name,
        text=comment.text,
        written_at=comment.written_at,
    )


def merge_counts(counts: Iterable[ItemCounts]) -> list[ItemCounts]:
    """Return one entry per post, with the newest value of each metric."""
    by_item: dict[int, list[ItemCounts]] = defaultdict(list)
    for item in sorted(counts, key=lambda item: item.at):
        by_item[item.item_id].append(item)
    merged = []
    for item_id, entries in by_item.items():
        values: dict[str, int] = {}
        for entry in entries:
            values |= entry.counts
        merged.append(ItemCounts(item_id, values, entries[-1].at))
    return merged
