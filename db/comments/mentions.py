"""Mentions of connected accounts by others, whichever table a platform keeps them in.

The stores are listed in `db/records/items.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from db.insights.items import SampledAccount


@dataclass(frozen=True)
class NewMention:
    """A mention that an event named. `comment_id` of None: the text of the post mentions."""

    destination_id: int
    item_id: str
    comment_id: str | None = None


@dataclass(frozen=True)
class DueMention:
    """A mention that is to be fetched."""

    id: int
    item_id: str
    comment_id: str | None


@dataclass(frozen=True)
class FetchedMention:
    """What the platform showed of a mention. None means not said."""

    text: str | None = None
    author_name: str | None = None
    url: str | None = None
    written_at: datetime | None = None


class MentionStore(Protocol):
    """The table of one platform's mentions."""

    def add(self, mentions: Sequence[NewMention]) -> int:
        """Store mentions, due to be fetched; return how many are new."""
        ...

    def find_due(self, account: SampledAccount, *, until: datetime) -> DueMention | None: ...
    def next_due_at(self, account: SampledAccount) -> datetime | None: ...
    def record_fetched(self, mention_id: int, fetched: FetchedMention) -> None: ...
    def record_unreadable(self, mention_id: int) -> None:
        """Try again later, a few times: the platform may show it after a while."""
        ...

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        """Make no mention of this account due before the delay is over."""
        ...
