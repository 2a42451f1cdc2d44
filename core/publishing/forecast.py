"""Forecasts when a post will go out: how much of each quota is used at its time, and when the next
slot is free. Nothing is reserved.

A forecast knows the slots in use and the user's posts that are due earlier. Posts that are
requested meanwhile, or published elsewhere, can change it.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.bootstrap import Services
from core.publishing.quota import is_rule_on, list_rule_kinds, read_rule_limit
from core.publishing.quota_rules import is_counted_in_parts, list_quota_uses
from core.publishing.reported_limits import fetch_reported_limits
from core.publishing.targets import PostTarget
from db.posts.posts import Post
from db.publishing.quota_slots import QUOTA_WINDOW, QuotaSlots
from db.publishing.slot_times import SlotAccount, SlotTimes
from db.session import Database, Session, database_now
from platforms.platform import Platform, QuotaHold, QuotaRule, QuotaScope
from platforms.publishing import PostKind
from platforms.registry import PLATFORMS

BACKLOG = QUOTA_WINDOW * 2
"""How long before a post's time others are due that can delay it: a slot is held for a day, and a
post that waited a day for one fails."""


@dataclass(frozen=True)
class QuotaForecast:
    """One quota at the time of a post.

    `frees_at`: when the next slot in use becomes free; None if none is in use. `goes_at`: when the
    post gets its slot; None: not within the day after which it fails with `code`.
    """

    account_id: int
    destination_id: int | None
    quota: str
    code: str
    used: int
    limit: int
    frees_at: datetime | None
    goes_at: datetime | None

    @property
    def has_room(self) -> bool:
        return self.used < self.limit


@dataclass(frozen=True)
class ForecastPost:
    """The post that a forecast is about. `parts`: how many of its own the platform has to make."""

    user_id: int
    target: PostTarget
    kind: PostKind
    at: datetime | None = None  # None: now
    parts: int = 1
    post_id: int = 0  # of a stored post, which does not delay itself

    @property
    def platform(self) -> Platform:
        return PLATFORMS[self.target.account.provider]

    @property
    def account(self) -> SlotAccount:
        target = self.target
        return SlotAccount(self.user_id, target.account.id, target.destination_id, self.post_id)


def forecast_post(
    database: Database, services: Services, post: ForecastPost
) -> tuple[QuotaForecast, ...]:
    """Forecast each quota that the post takes; limits of the platform are fetched."""
    settings = services.settings.of_platform(post.platform.name)
    rules = [post.platform.quotas[name] for name in post.kind.quotas]
    rules = [rule for rule in rules if is_rule_on(rule, settings)]
    limits: dict[str, int] = {rule.name: read_rule_limit(rule, settings) for rule in rules}
    if any(rule.is_dynamic for rule in rules):
        limits |= fetch_reported_limits(database, services, post.target.quota_account)
    with database.transaction() as session:
        return tuple(iter_forecasts(session, post, rules, limits))


def iter_forecasts(
    session: Session, post: ForecastPost, rules: Iterable[QuotaRule], limits: Mapping[str, int]
) -> Iterator[QuotaForecast]:
    now = database_now(session)
    at = now if post.at is None else max(post.at, now)
    for rule in rules:
        if rule.hold is QuotaHold.STARTS:
            continue
        limit = limits[rule.name]
        if is_counted_in_parts(post.platform, rule.name):
            yield forecast_parts(session, post, rule, limit, at)
            continue
        if rule.scope is QuotaScope.APPLICATION:
            taken, due_times = list_posting_times(session, post, rule), list[datetime]()
        else:
            taken, due_times = list_slot_times(session, post, rule, at, now)
        plan = plan_slots(taken, due_times, at, limit=limit, window=rule.window)
        yield build_forecast(post, rule, plan, limit=limit)


def list_posting_times(session: Session, post: ForecastPost, rule: QuotaRule) -> list[datetime]:
    """When each other account posted last."""
    latest_posts = QuotaSlots(session).list_posting_accounts(list_rule_kinds(post.platform, rule))
    own_id = post.account.account_id
    return [moment for account_id, moment in latest_posts.items() if account_id != own_id]


def list_slot_times(
    session: Session, post: ForecastPost, rule: QuotaRule, at: datetime, now: datetime
) -> tuple[list[datetime], list[datetime]]:
    """When the slots in use were taken, and when the posts before this one are due."""
    times = SlotTimes(session, post.account)
    kinds = list_rule_kinds(post.platform, rule)
    is_of_destination = rule.scope is QuotaScope.DESTINATION
    if is_of_destination:
        taken = times.list_of_destination(kinds, window=rule.window)
    else:
        taken = times.list_of_login(kinds, while_pending=rule.hold is QuotaHold.WHILE_PENDING)
    due_times = times.list_due_times(
        kinds, since=at - BACKLOG, until=at, is_of_destination=is_of_destination
    )
    return [now if moment is None else moment for moment in taken], [
        max(moment, now) for moment in due_times
    ]


@dataclass(frozen=True)
class SlotPlan:
    """Beginning and end of all slots, and the time of the forecast."""

    at: datetime
    slots: Sequence[tuple[datetime, datetime]]
    goes_at: datetime | None

    @property
    def ends_in_use(self) -> list[datetime]:
        return [end for begin, end in self.slots if begin <= self.at < end]


def plan_slots(
    taken: Iterable[datetime],
    due_times: Iterable[datetime],
    at: datetime,
    *,
    limit: int,
    window: timedelta,
) -> SlotPlan:
    """Give the posts their slots in the order in which they are due, the one `at` last. Pure."""
    slots = [(moment, moment + window) for moment in taken]
    ends = sorted(end for _, end in slots)
    clock = goes_at = None
    for due_at in due_times:
        begin = find_free_time(ends, due_at if clock is None else max(due_at, clock), limit)
        if begin is not None and begin - due_at < QUOTA_WINDOW:
            clock = begin
            slots.append((begin, begin + window))
            insort(ends, begin + window)
    begin = find_free_time(ends, at if clock is None else max(at, clock), limit)
    if begin is not None and begin - at < QUOTA_WINDOW:
        goes_at = begin
    return SlotPlan(at, slots, goes_at)


def find_free_time(ends: Sequence[datetime], since: datetime, limit: int) -> datetime | None:
    """When fewer than `limit` of the slots with these sorted ends are in use; None: never."""
    if limit <= 0:
        return None
    surplus = len(ends) - bisect_right(ends, since) - limit
    return since if surplus < 0 else ends[bisect_right(ends, since) + surplus]


def build_forecast(
    post: ForecastPost, rule: QuotaRule, plan: SlotPlan, *, limit: int
) -> QuotaForecast:
    ends = plan.ends_in_use
    return QuotaForecast(
        account_id=post.account.account_id,
        destination_id=post.account.destination_id,
        quota=rule.name,
        code=rule.code,
        used=len(ends),
        limit=limit,
        frees_at=min(ends, default=None),
        goes_at=plan.goes_at,
    )


def forecast_parts(
    session: Session, post: ForecastPost, rule: QuotaRule, limit: int, at: datetime
) -> QuotaForecast:
    """Forecast a quota of what the platform makes for posts, from what is used of it now."""
    account = post.account
    stored: Any = Post(  # not stored: the counts are those of its account
        id=post.post_id,
        provider=post.platform.name,
        oauth_account_id=account.account_id,
        destination_id=account.destination_id,
    )
    quota = next(iter(list_quota_uses(session, stored, {rule.name: limit}))).quota
    is_free = quota.used + post.parts <= limit or quota.resets_at is None
    goes_at = at if is_free or quota.resets_at is None else max(at, quota.resets_at)
    return QuotaForecast(
        account_id=account.account_id,
        destination_id=account.destination_id,
        quota=rule.name,
        code=rule.code,
        used=quota.used,
        limit=limit,
        frees_at=quota.resets_at,
        goes_at=goes_at,
    )
