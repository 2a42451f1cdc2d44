"""The calendar: the user's posts by month, by week or as a list, in the user's time zone."""

from datetime import date
from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.http.context import current_principal, require_login
from app.http.fragments import answer_rendered
from app.http.i18n import gettext_noop, translate_text
from app.http.replica_reads import reading_database, reads_replica
from app.pages.account_names import list_account_labels
from app.pages.calendar_chips import AccountNames, build_chips, find_calendar_time
from app.pages.calendar_days import CalendarView, DayRange, find_range, shift_day
from app.pages.calendar_layout import describe_list, describe_month, describe_week
from app.pages.calendar_request import STATE_FILTERS, CalendarRequest, read_calendar_request
from app.pages.calendar_times import (
    first_weekday,
    format_day,
    format_month,
    format_offset,
    format_week,
)
from core.publishing.local_times import convert_to_local
from db.posts.posts import Post
from db.publishing.calendar_posts import CalendarPosts

blueprint = Blueprint("calendar_pages", __name__)

MAX_POSTS = 400  # of one month or week
LIST_PAGE_POSTS = 50
REFRESH_SECONDS = 30
VIEW_LABELS = {
    CalendarView.MONTH: gettext_noop("Month"),
    CalendarView.WEEK: gettext_noop("Week"),
    CalendarView.LIST: gettext_noop("List"),
}


@blueprint.get("/calendar")
@require_login("posts:read", "accounts:read")
@reads_replica
def show_calendar() -> str:
    """Show my posts by month, by week or as a list."""
    wanted, names = read_calendar_request(), load_account_names()
    return render_template(
        "calendar.html", **describe_page(wanted, names), **describe_posts(wanted, names)
    )


@blueprint.get("/calendar/posts")
@require_login("posts:read", "accounts:read")
@reads_replica
def show_calendar_posts() -> Response:
    """Show the posts of a view, for the script that refreshes it."""
    wanted = read_calendar_request()
    return answer_rendered(
        render_template("_calendar.html", **describe_posts(wanted, load_account_names()))
    )


def describe_page(wanted: CalendarRequest, names: AccountNames) -> dict[str, Any]:
    """Everything around the posts: filters, other views and times."""
    steps = {
        name: (wanted.build_url(day=shift_day(wanted.view, wanted.day, step)), step)
        for name, step in (("previous", -1), ("next", 1))
    }
    return {
        "steps": {
            name: {"url": url, "label": describe_range(wanted, step)}
            for name, (url, step) in steps.items()
        },
        "today_url": wanted.build_url(day=""),
        "views": [
            {"label": translate_text(label), "url": wanted.build_url(view=view), "view": view}
            for view, label in VIEW_LABELS.items()
        ],
        "states": [(name, translate_text(label)) for name, (label, _) in STATE_FILTERS.items()],
        "accounts": list(names.items()),
        "zone_name": wanted.zone.key,
        "offset": format_offset(wanted.now, wanted.zone),
        "live_url": wanted.build_url("calendar_pages.show_calendar_posts"),
    }


def describe_range(wanted: CalendarRequest, steps: int = 0) -> str:
    """Return the title of the view, or of one before or after it."""
    day = shift_day(wanted.view, wanted.day, steps) if steps else wanted.day
    if wanted.view is CalendarView.MONTH:
        return format_month(day)
    if wanted.view is CalendarView.WEEK:
        days = find_days(wanted, day)
        return format_week(days.first, days.last)
    return translate_text("Posts from %(day)s", day=format_day(day, has_year=True))


def find_days(wanted: CalendarRequest, day: date) -> DayRange:
    return find_range(wanted.view, day, wanted.zone, first_weekday=first_weekday())


def describe_posts(wanted: CalendarRequest, names: AccountNames) -> dict[str, Any]:
    """The posts of the view, laid out for its template."""
    is_list = wanted.view is CalendarView.LIST
    days, limit = find_days(wanted, wanted.day), LIST_PAGE_POSTS if is_list else MAX_POSTS
    posts = load_posts(wanted, days, limit + 1)
    last_post = posts[limit - 1] if len(posts) > limit else None
    chips = build_chips(posts[:limit], wanted.zone, names)
    fields = {
        "wanted": wanted,
        "title": describe_range(wanted),
        "refresh_seconds": REFRESH_SECONDS,
        "is_empty": not posts and wanted.after is None,
        "has_filters": bool(wanted.account or wanted.state),
        "clear_url": wanted.build_url(account="", state=""),
        "max_posts": MAX_POSTS,
        "last_day": format_day(wanted.last_day, has_year=True),
    }
    if is_list:
        later_url = last_post and wanted.build_url(cursor=write_cursor(last_post))
        return {**fields, **describe_list(wanted, chips), "later_url": later_url}
    lay_out = describe_month if wanted.view is CalendarView.MONTH else describe_week
    return {**fields, **lay_out(wanted, days, chips), "complete_until": find_end(wanted, last_post)}


def find_end(wanted: CalendarRequest, last_post: Post | None) -> str | None:
    """Return the day up to which posts are shown, if there are more than fit."""
    if last_post is None:
        return None
    return format_day(convert_to_local(find_calendar_time(last_post), wanted.zone).date())


def write_cursor(post: Post) -> str:
    return f"{find_calendar_time(post).isoformat()}_{post.id}"


def load_posts(wanted: CalendarRequest, days: DayRange, limit: int) -> list[Post]:
    with reading_database().transaction() as session:
        rows = CalendarPosts(session).list_between(
            days.since,
            days.until,
            wanted.posts_filter,
            user_id=current_principal().user_id,
            limit=limit,
            after=wanted.after if wanted.view is CalendarView.LIST else None,
        )
        return list(rows)


def load_account_names() -> AccountNames:
    """Return the names of what can be posted to: logins, or the chosen accounts behind them."""
    return {label.key: label.name for label in list_account_labels()}
