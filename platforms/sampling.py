"""`SamplingRules`: what is read of a platform's accounts in the background, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

IntervalsByAge = tuple[tuple[timedelta, timedelta], ...]
"""(Maximum age, interval) in ascending order; the first row that fits applies."""


@dataclass(frozen=True)
class SamplingRules:
    """The rhythm of one platform, and the names of what is stored.

    `item_intervals`: between two readings of a public post, by its age; older ones are read every
    `last_interval`, or not any more. `product_intervals` replace them for posts of a product, such
    as those that end by themselves; `ending_listing` is the list that has these. With
    `newest_items` only so many of an account's posts are read. `list_interval_setting` names the
    setting with the time between two listings; None: it follows from the age of the newest post.
    `comments_age`: comments are read on posts up to this age, every `comments_interval`.
    """

    item_subject: str  # kind of subject of the posts' metrics: video, media
    item_metrics: tuple[str, ...]
    account_metrics: tuple[str, ...]
    call_class: str  # a class of calls with a rate
    item_intervals: IntervalsByAge
    last_interval: timedelta | None
    totals_interval: timedelta  # between two readings of the account as a whole
    items_per_request: int = 1
    enabled_setting: str = "insights_enabled"
    list_interval_setting: str | None = None
    account_window: timedelta | None = None  # of an account's metrics; None: it has none
    audience_interval: timedelta | None = None  # between two readings of who follows and reacts
    # metric of the audience → its breakdowns
    audience_metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    newest_items: int | None = None
    ending_listing: str | None = None
    product_intervals: Mapping[str, IntervalsByAge] = field(default_factory=dict)
    comments_age: timedelta | None = None
    comments_interval: timedelta = timedelta(hours=1)

    @property
    def has_detailed_metrics(self) -> bool:
        """Whether metrics are asked for apart; otherwise the listings tell all of them."""
        return self.account_window is not None
