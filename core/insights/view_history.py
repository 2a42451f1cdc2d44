"""Views per day: what the newest public posts of a user gained, from the samples of their totals.

Platforms report how often a post was seen in all. What it gained on a day is the difference to the
last sample before; a day without any sample is unknown, and no zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from db.insights.items import NewestItem
from db.insights.snapshots import LastValue, SampledSubject, list_last_values
from db.records.items import find_item_reader, find_video_reader
from db.session import Database, Session
from platforms.registry import PLATFORMS

VIEWS = "views"
MAX_POSTS = 40
"""Newest posts of each platform that are counted: a page must not read every sample there is."""

BASELINE_DAYS = 30
CLOCK_DIFFERENCE = timedelta(hours=1)  # more than platforms' clocks differ from ours


@dataclass(frozen=True)
class DayViews:
    """The views of one day; None: there is no sample of it."""

    day: date
    views: int | None


@dataclass(frozen=True)
class ViewHistory:
    """The days of a period, and those of as long a period before. `posts`: how many are counted."""

    days: Sequence[DayViews]
    before: Sequence[DayViews]
    posts: int

    @property
    def total(self) -> int | None:
        return sum_views(self.days)

    @property
    def total_before(self) -> int | None:
        return sum_views(self.before)


def sum_views(days: Iterable[DayViews]) -> int | None:
    """Sum what is known; None if nothing is."""
    known = [day.views for day in days if day.views is not None]
    return sum(known) if known else None


@dataclass(frozen=True, kw_only=True)
class ViewPeriod:
    """Days of the reader's zone, and of which accounts; None means all."""

    zone: tzinfo
    first_day: date
    last_day: date
    provider: str | None = None
    account_id: int | None = None
    destination_id: int | None = None

    def list_days(self) -> list[date]:
        """The days of the period, and as many before them."""
        length = (self.last_day - self.first_day).days + 1
        return [self.first_day + timedelta(days=offset) for offset in range(-length, length)]

    def list_bounds(self) -> list[datetime]:
        """Where a time before the days begins, where each day does, and where the last ends."""
        days = (*self.list_days(), self.last_day + timedelta(days=1))
        starts = [start_of_day(day, self.zone) for day in days]
        return [starts[0] - timedelta(days=BASELINE_DAYS), *starts]


def load_view_history(database: Database, period: ViewPeriod, *, user_id: int) -> ViewHistory:
    """Load the views per day of a period, and of as many days before it."""
    with database.transaction() as session:
        return read_view_history(session, period, user_id=user_id)


def read_view_history(session: Session, period: ViewPeriod, *, user_id: int) -> ViewHistory:
    gains: dict[date, int] = {}
    posts = list_counted_posts(session, period, user_id=user_id)
    subjects = [
        SampledSubject(kind, post.id, post.posted_at and post.posted_at - CLOCK_DIFFERENCE)
        for kind, post in posts
    ]
    values = list_last_values(session, subjects, VIEWS, bounds=period.list_bounds())
    add_gains(gains, posts, values, bounds=period.list_bounds(), zone=period.zone)
    days = [DayViews(day, gains.get(day)) for day in period.list_days()]
    middle = len(days) // 2
    return ViewHistory(days[middle:], days[:middle], len(posts))


def start_of_day(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def list_counted_posts(
    session: Session, period: ViewPeriod, *, user_id: int
) -> list[tuple[str, NewestItem]]:
    """List the newest public posts of which platforms give metrics, with the kind of subject."""
    counted = []
    for provider in [period.provider] if period.provider else PLATFORMS:
        rules = PLATFORMS[provider].sampling
        if rules is not None:
            posts = list_newest_posts(session, provider, period, user_id=user_id)
            counted += [(rules.item_subject, post) for post in posts]
    return counted


def list_newest_posts(
    session: Session, provider: str, period: ViewPeriod, *, user_id: int
) -> Sequence[NewestItem]:
    videos = find_video_reader(session, provider)
    if videos is not None:
        return videos.list_newest(period.account_id, user_id=user_id, limit=MAX_POSTS)
    items = find_item_reader(session, provider)
    if items is None:
        return []
    return items.list_newest(period.destination_id, user_id=user_id, limit=MAX_POSTS)


def add_gains(
    gains: dict[date, int],
    posts: Sequence[tuple[str, NewestItem]],
    values: Sequence[LastValue],
    *,
    bounds: Sequence[datetime],
    zone: tzinfo,
) -> None:
    """Add to `gains` what each post gained on each day that has a sample of it.

    The first interval is the time before the first day. A post that was public before and has no
    sample from then has no known gain until its second one.
    """
    last: dict[tuple[str, int], int | None] = {
        (kind, post.id): 0 if post.posted_at is not None and post.posted_at >= bounds[1] else None
        for kind, post in posts
    }
    for value in values:
        key = (value.kind, value.subject_id)
        earlier, last[key] = last[key], value.value
        if value.begins == bounds[0] or earlier is None:
            continue
        day = value.begins.astimezone(zone).date()
        gains[day] = gains.get(day, 0) + max(0, value.value - earlier)


def change_in_per_cent(now: int | None, before: int | None) -> int | None:
    """How much more it is than before; None if one of both is unknown, or there was nothing."""
    return None if now is None or not before else round(100 * (now - before) / before)
