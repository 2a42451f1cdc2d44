"""The home page: what needs its reader, numbers, what is next, accounts with quotas, two charts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from app.http.context import current_container, current_principal
from app.http.i18n import translate_text
from app.http.time_zones import current_zone
from app.pages.account_names import AccountLabel, label_account, post_account_key
from app.pages.account_view import account_fields, load_platforms
from app.pages.attention import AccountQuotas, AttentionSubjects, hide_line, read_attention
from app.pages.badges import account_badge
from app.pages.brands import list_platform_titles, platform_title
from app.pages.charts import build_bar_chart, build_line_chart
from app.pages.formatting import zone_label
from app.pages.post_filters import draft_state_icon, draft_state_label, list_url
from app.pages.quota_view import (
    count_quota_fields,
    list_quota_accounts,
    load_quota_limits,
)
from app.pages.template_helpers import day_text, distance_html
from app.pages.thumbnails import post_thumbnail
from core.accounts import AccountView
from core.insights.view_history import (
    DayViews,
    ViewHistory,
    ViewPeriod,
    change_in_per_cent,
    read_view_history,
    start_of_day,
)
from core.publishing.lists import read_post_part
from core.publishing.quota import Quota
from core.publishing.remaining_quota import Limits
from core.publishing.targets import QuotaAccount
from db.posts.post_days import DayCount, PostDays
from db.posts.posts import Post
from db.publishing.attention import AccountDrafts, AttentionQueries
from db.publishing.post_filter import IN_PROGRESS, PostFilter
from db.publishing.queries import FIRST_POSITION, ListPart, PostQueries
from db.session import Session

PERIOD_DAYS = 30
NEXT_POSTS = 5
MAX_COUNT = 10_000
ACTIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 3, 15  # while a post is in progress, and otherwise
DAY = timedelta(days=1)
ENDED_STATES = ("PUBLISHED", "FAILED")
MOVING_STATES = ("SENDING", "PROCESSING")
TILE_STATES: Sequence[tuple[str, ...]] = (("SCHEDULED",), IN_PROGRESS, ("DRAFT",), ("HELD",))
WAITING_STATES = ("SCHEDULED", "HELD", *IN_PROGRESS)


class Tile(NamedTuple):
    """A number of posts that leads to their list. `note`: the period that it is of."""

    number: str
    label: str
    icon: str
    colour: str
    url: str
    note: str = ""


@dataclass(frozen=True)
class HomeCounts:
    """Numbers of the reader's posts.

    `waiting`: those that wait, by display state, up to one more than `MAX_COUNT`; `days`: those
    that were published or failed, by day of the charts and after.
    """

    waiting: Mapping[str, int]
    drafts: Sequence[AccountDrafts]
    days: Sequence[DayCount]

    @property
    def has_any(self) -> bool:
        return bool(self.drafts or self.days or any(self.waiting.values()))

    def sum_states(self, names: Iterable[str]) -> int:
        drafts = sum(item.count for item in self.drafts)
        return sum(drafts if name == "DRAFT" else self.waiting[name] for name in names)

    def sum_days(self, state: str) -> int:
        return sum(item.count for item in self.days if item.state == state)


def home_fields() -> dict[str, Any]:
    """Load the changing part of the home page."""
    views = load_accounts()
    limits = load_quota_limits(list_all_quota_accounts(views))
    with current_container().database.transaction() as session:
        return read_home_fields(session, views, limits)


def read_home_fields(
    session: Session, views: Sequence[AccountView], limits: Mapping[QuotaAccount, Limits]
) -> dict[str, Any]:
    """Read all of the changing part in one transaction."""
    counts = read_counts(session)
    is_new = not (
        counts.has_any or PostQueries(session).has_posts(user_id=current_principal().user_id)
    )
    steps = first_steps(views) if is_new else None
    if is_new and not any(view.is_active for view in views):
        return {"steps": steps, "refresh_seconds": IDLE_REFRESH_SECONDS}
    quotas = read_quotas(session, views, limits)
    is_moving = counts.sum_states(MOVING_STATES) > 0
    return {
        "attention": read_attention(
            session, AttentionSubjects(views, list_gauges(quotas), counts.drafts)
        ),
        "steps": steps,
        "tiles": [] if is_new else list_tiles(counts),
        "next_days": list_next(session, views),
        "accounts": [account_entry(view, quotas.get(view.id, [])) for view in views],
        "unaudited": list_unaudited_limits(views, quotas),
        "charts": None if is_new else chart_fields(session, counts.days),
        "refresh_seconds": ACTIVE_REFRESH_SECONDS if is_moving else IDLE_REFRESH_SECONDS,
    }


def load_accounts() -> list[AccountView]:
    return [view for platform in load_platforms() for view in platform.accounts]


def list_all_quota_accounts(views: Sequence[AccountView]) -> list[QuotaAccount]:
    return [account for view in views for account in list_quota_accounts(view)]


def read_counts(session: Session) -> HomeCounts:
    user_id, days = current_principal().user_id, list_days()
    begins = [start_of_day(day, current_zone()) for day in (*days, days[-1] + DAY)]
    return HomeCounts(
        PostQueries(session).count_displays(WAITING_STATES, user_id=user_id, limit=MAX_COUNT + 1),
        AttentionQueries(session, user_id).list_drafts(since=begins[0]),
        PostDays(session).count_by_day(user_id, states=ENDED_STATES, begins=begins),
    )


def list_days() -> list[date]:
    """Return the days of the charts and numbers, the last one today."""
    return [current_day() - DAY * offset for offset in reversed(range(PERIOD_DAYS))]


def read_quotas(
    session: Session, views: Sequence[AccountView], limits: Mapping[QuotaAccount, Limits]
) -> dict[int, list[dict[str, Any]]]:
    """Read the limits of logins that work, or of the accounts behind each, by the login's id."""
    quotas = count_quota_fields(session, limits)
    return {
        view.id: [
            {"name": name, "quota": quotas[account]}
            for account, name in list_quota_accounts(view).items()
        ]
        for view in views
        if not view.needs_reconnect
    }


def list_unaudited_limits(
    views: Sequence[AccountView], quotas: dict[int, list[dict[str, Any]]]
) -> list[tuple[str, Quota]]:
    """The limit of each platform that has not audited this app; it counts for all its accounts."""
    limits = {
        view.provider: entry["quota"]["unaudited"]
        for view in views
        for entry in quotas.get(view.id, [])
        if entry["quota"]["unaudited"] is not None
    }
    return [(platform_title(provider), quota) for provider, quota in limits.items()]


def list_gauges(quotas: dict[int, list[dict[str, Any]]]) -> dict[int, AccountQuotas]:
    return {
        account_id: [pair for entry in entries for pair in entry["quota"]["gauges"]]
        for account_id, entries in quotas.items()
    }


def hide_displayed_line(subject: str) -> bool:
    """Hide a line that needs attention now. False if there is none such."""
    views = load_accounts()
    limits = load_quota_limits(list_all_quota_accounts(views))
    with current_container().database.transaction() as session:
        gauges = list_gauges(read_quotas(session, views, limits))
        subjects = AttentionSubjects(views, gauges, read_counts(session).drafts)
        return hide_line(session, subjects, subject)


def head_fields() -> dict[str, Any]:
    """The day and the time zone of the reader."""
    zone = current_zone()
    now = current_container().services.now()
    name = zone_label(now, zone, "en")
    return {"today": now.astimezone(zone).date(), "zone": str(zone), "offset": name}


def current_day() -> date:
    return current_container().services.now().astimezone(current_zone()).date()


def first_steps(views: Sequence[AccountView]) -> list[tuple[str, bool]]:
    """Name the steps to a first post, and whether each is done."""
    return [("connect", any(view.is_active for view in views)), ("upload", False), ("post", False)]


def account_entry(view: AccountView, quotas: list[dict[str, Any]]) -> dict[str, Any]:
    return {**account_fields(view), "badge": account_badge(view), "limits": quotas}


def list_tiles(counts: HomeCounts) -> list[Tile]:
    """Return numbers of posts by state; of what has ended, of the last 30 days."""
    recent_drafts = sum(item.recent_count for item in counts.drafts)
    published = max(0, counts.sum_days("PUBLISHED") - recent_drafts)
    days = {"from": [f"{list_days()[0]:%Y-%m-%d}"]}
    note = translate_text("30 days")
    return [
        *list_waiting_tiles([counts.sum_states(states) for states in TILE_STATES]),
        Tile(
            str(published),
            translate_text("Published"),
            "circle-check",
            "good",
            list_url({"state": ["PUBLISHED"], **days}),
            note,
        ),
        Tile(
            str(counts.sum_days("FAILED")),
            translate_text("Failed"),
            "circle-x",
            "bad",
            list_url({"state": ["FAILED"], **days}),
            note,
        ),
    ]


def list_waiting_tiles(counts: Sequence[int]) -> list[Tile]:
    """Return the tiles of `TILE_STATES`."""
    labels = (
        (translate_text("Scheduled"), "clock", "calm"),
        (translate_text("In progress"), "loader-circle", "busy"),
        (draft_state_label(), draft_state_icon(), "wait"),
        (translate_text("On hold"), "circle-pause", "wait"),
    )
    return [
        Tile(
            f"{MAX_COUNT:,}+" if count > MAX_COUNT else str(count),
            *label,
            list_url({"state": list(states)}),
        )
        for states, count, label in zip(TILE_STATES, counts, labels, strict=True)
    ]


def list_next(
    session: Session, views: Sequence[AccountView]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """List the posts that are next, by day; what should be out already comes first."""
    part = ListPart(limit=NEXT_POSTS, is_by_time=True, after=FIRST_POSITION)
    found = read_post_part(
        session,
        PostFilter(displays=WAITING_STATES),
        part,
        user_id=current_principal().user_id,
    )
    labels = {label.key: label for view in views for label in label_account(view)}
    rows = [next_row(view.post, view.parts, labels) for view in reversed(found.posts)]
    return [(day, list(group)) for day, group in groupby(rows, key=lambda row: row["day"])]


def next_row(post: Post, parts: Any, labels: dict[str, AccountLabel]) -> dict[str, Any]:
    at = post.publish_at or post.created_at
    is_due = at <= current_container().services.now()
    return {
        "post": post,
        "at": at,
        "distance": distance_html(at),
        "is_due": is_due,
        "day": translate_text("Now") if is_due else day_text(at),
        "thumbnail": post_thumbnail(post, parts),
        "account": labels.get(post_account_key(post)),
    }


def chart_fields(session: Session, counts: Sequence[DayCount]) -> dict[str, Any]:
    """Read both charts: posts and views of the last 30 days."""
    days = list_days()
    return {
        "posts": post_chart_fields(days, counts),
        "views": read_view_fields(session, days) if can_read_insights() else None,
        "platforms": " · ".join(title for _, title in list_platform_titles()),
    }


def can_read_insights() -> bool:
    return current_principal().has_scopes(["insights:read"])


def post_chart_fields(days: Sequence[date], counts: Sequence[DayCount]) -> dict[str, Any]:
    numbers = {(count.index, count.state): count.count for count in counts}
    published, failed = (
        [numbers.get((index, state), 0) for index in range(len(days))] for state in ENDED_STATES
    )
    return {
        "chart": build_bar_chart(days, [("g", published), ("r", failed)]),
        "total": sum(published) + sum(failed),
        "failed": sum(failed),
        "rows": list(zip(days, published, failed, strict=True))[::-1],
    }


def read_view_fields(session: Session, days: Sequence[date]) -> dict[str, Any]:
    period = ViewPeriod(zone=current_zone(), first_day=days[0], last_day=days[-1])
    history = read_view_history(session, period, user_id=current_principal().user_id)
    return view_chart_fields(history)


def view_chart_fields(history: ViewHistory) -> dict[str, Any]:
    return {
        "chart": build_line_chart(
            [day.day for day in history.days],
            list_values(history.days),
            list_values(history.before),
        ),
        "total": history.total,
        "change": change_in_per_cent(history.total, history.total_before),
        "posts": history.posts,
        "rows": [(day.day, day.views) for day in history.days][::-1],
    }


def list_values(days: Sequence[DayViews]) -> list[int | None]:
    return [day.views for day in days]
