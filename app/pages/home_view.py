"""The home page: what needs its reader, numbers, what is next, accounts with quotas, two charts."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from app.http.context import current_container, current_principal
from app.http.i18n import translate_text
from app.http.time_zones import current_zone
from app.pages.account_names import AccountLabel, label_account, post_account_key
from app.pages.account_view import account_fields, load_platforms
from app.pages.attention import AccountQuotas, hide_line, load_attention
from app.pages.badges import account_badge
from app.pages.brands import list_platform_titles, platform_title
from app.pages.charts import build_bar_chart, build_line_chart
from app.pages.formatting import zone_label
from app.pages.post_filters import draft_state_icon, draft_state_label, list_url
from app.pages.quota_view import list_quota_accounts, load_quota_fields
from app.pages.template_helpers import day_text
from app.pages.thumbnails import post_thumbnail
from core.accounts import AccountView
from core.insights.view_history import (
    DayViews,
    ViewHistory,
    ViewPeriod,
    change_in_per_cent,
    load_view_history,
    start_of_day,
)
from core.publishing.lists import count_posts_up_to, list_post_part
from core.publishing.quota import Quota
from db.posts.post_days import DayCount, PostDays
from db.posts.posts import Post
from db.publishing.post_filter import IN_PROGRESS, PostFilter
from db.publishing.queries import ListPart, ListPosition, PostQueries

PERIOD_DAYS = 30
NEXT_POSTS = 5
MAX_COUNT = 10_000
ACTIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 3, 15  # while a post is in progress, and otherwise
MOVING_STATES = ("SENDING", "PROCESSING")
TILE_STATES: Sequence[tuple[str, ...]] = (("SCHEDULED",), IN_PROGRESS, ("DRAFT",), ("HELD",))
WAITING_STATES = ("SCHEDULED", "HELD", *IN_PROGRESS)
FIRST_POSITION = ListPosition(0, datetime(1970, 1, 1, tzinfo=UTC))


class Tile(NamedTuple):
    """A number of posts that leads to their list. `note`: the period that it is of."""

    number: str
    label: str
    icon: str
    colour: str
    url: str
    note: str = ""


def home_fields() -> dict[str, Any]:
    """Load the changing part of the home page."""
    views, quotas = load_accounts()
    is_new = not has_posts()
    if is_new and not any(view.is_active for view in views):
        return {"steps": first_steps(views), "refresh_seconds": IDLE_REFRESH_SECONDS}
    is_moving = count_displayed(MOVING_STATES, limit=1) > 0
    return {
        "attention": load_attention(views, list_gauges(quotas)),
        "steps": first_steps(views) if is_new else None,
        "tiles": [] if is_new else list_tiles(),
        "next_days": list_next(views),
        "accounts": [account_entry(view, quotas.get(view.id, [])) for view in views],
        "unaudited": list_unaudited_limits(views, quotas),
        "charts": None if is_new else chart_fields(),
        "refresh_seconds": ACTIVE_REFRESH_SECONDS if is_moving else IDLE_REFRESH_SECONDS,
    }


def load_accounts() -> tuple[list[AccountView], dict[int, list[dict[str, Any]]]]:
    """Load the accounts, and the limits of those that work."""
    views = [view for platform in load_platforms() for view in platform.accounts]
    named = {view.id: list_quota_accounts(view) for view in views if not view.needs_reconnect}
    quotas = load_quota_fields(account for own in named.values() for account in own)
    return views, {
        login_id: [{"name": name, "quota": quotas[account]} for account, name in own.items()]
        for login_id, own in named.items()
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
    views, quotas = load_accounts()
    return hide_line(views, list_gauges(quotas), subject)


def head_fields() -> dict[str, Any]:
    """The day and the time zone of the reader."""
    zone = current_zone()
    now = current_container().services.now()
    name = zone_label(now, zone, "en")
    return {"today": now.astimezone(zone).date(), "zone": str(zone), "offset": name}


def current_day() -> date:
    return current_container().services.now().astimezone(current_zone()).date()


def has_posts() -> bool:
    with current_container().database.transaction() as session:
        return bool(
            PostQueries(session).list_part(
                PostFilter(), ListPart(limit=1), user_id=current_principal().user_id
            )
        )


def first_steps(views: Sequence[AccountView]) -> list[tuple[str, bool]]:
    """Name the steps to a first post, and whether each is done."""
    return [("connect", any(view.is_active for view in views)), ("upload", False), ("post", False)]


def account_entry(view: AccountView, quotas: list[dict[str, Any]]) -> dict[str, Any]:
    return {**account_fields(view), "badge": account_badge(view), "limits": quotas}


def list_tiles() -> list[Tile]:
    """Count posts by state; what has ended, of the last 30 days."""
    since = start_of_day(current_day() - timedelta(days=PERIOD_DAYS - 1), current_zone())
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        ended = PostDays(session).count_by_state(user_id, since=since)
        recent_drafts = PostQueries(session).count_drafts(user_id=user_id, since=since)
        waiting = [
            PostQueries(session).count_up_to(
                PostFilter(displays=states), user_id=user_id, limit=MAX_COUNT + 1
            )
            for states in TILE_STATES
        ]
    published = max(0, ended.get("PUBLISHED", 0) - recent_drafts)
    days = {"from": [f"{since:%Y-%m-%d}"]}
    note = translate_text("30 days")
    return [
        *list_waiting_tiles(waiting),
        Tile(
            str(published),
            translate_text("Published"),
            "circle-check",
            "good",
            list_url({"state": ["PUBLISHED"], **days}),
            note,
        ),
        Tile(
            str(ended.get("FAILED", 0)),
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


def count_displayed(states: Sequence[str], *, limit: int) -> int:
    return count_posts_up_to(
        current_container().database,
        PostFilter(displays=tuple(states)),
        user_id=current_principal().user_id,
        limit=limit,
    )


def list_next(views: Sequence[AccountView]) -> list[tuple[str, list[dict[str, Any]]]]:
    """List the posts that are next, by day; what should be out already comes first."""
    part = ListPart(limit=NEXT_POSTS, is_by_time=True, after=FIRST_POSITION)
    found = list_post_part(
        current_container().database,
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
        "is_due": is_due,
        "day": translate_text("Now") if is_due else day_text(at),
        "thumbnail": post_thumbnail(post, parts),
        "account": labels.get(post_account_key(post)),
    }


def chart_fields() -> dict[str, Any]:
    """Load both charts: posts and views of the last 30 days."""
    first_day = current_day() - timedelta(days=PERIOD_DAYS - 1)
    days = [first_day + timedelta(days=offset) for offset in range(PERIOD_DAYS)]
    zone, user_id = current_zone(), current_principal().user_id
    database = current_container().database
    with database.transaction() as session:
        counts = PostDays(session).count_by_day(
            user_id,
            states=("PUBLISHED", "FAILED"),
            since=start_of_day(first_day, zone),
            zone=zone,
        )
    return {
        "posts": post_chart_fields(days, counts),
        "views": load_view_fields(days) if can_read_insights() else None,
        "platforms": " · ".join(title for _, title in list_platform_titles()),
    }


def can_read_insights() -> bool:
    return current_principal().has_scopes(["insights:read"])


def post_chart_fields(days: Sequence[date], counts: Sequence[DayCount]) -> dict[str, Any]:
    numbers = {(count.day, count.state): count.count for count in counts}
    published, failed = (
        [numbers.get((day.isoformat(), state), 0) for day in days]
        for state in ("PUBLISHED", "FAILED")
    )
    return {
        "chart": build_bar_chart(days, [("g", published), ("r", failed)]),
        "total": sum(published) + sum(failed),
        "failed": sum(failed),
        "rows": list(zip(days, published, failed, strict=True))[::-1],
    }


def load_view_fields(days: Sequence[date]) -> dict[str, Any]:
    period = ViewPeriod(zone=current_zone(), first_day=days[0], last_day=days[-1])
    history = load_view_history(
        current_container().database, period, user_id=current_principal().user_id
    )
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
