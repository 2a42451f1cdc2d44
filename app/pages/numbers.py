"""Insights: the numbers of an account over 7, 28, 90 or chosen days, and those of one post."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import current_locale, translate_text
from app.http.messages import find_message
from app.http.replica_reads import reading_database, reads_replica
from app.http.time_zones import current_zone
from app.pages.account_names import AccountLabel, list_account_labels
from app.pages.charts import build_line_chart
from app.pages.home_view import current_day, view_chart_fields
from app.pages.insights import metric_label
from app.pages.post_filters import parse_account
from core import insights, publishing
from core.errors import NotFound
from core.insights.account_numbers import (
    POST_METRICS,
    AccountNumbers,
    MetricHistory,
    load_account_numbers,
)
from core.insights.view_history import ViewPeriod, load_view_history

blueprint = Blueprint("number_pages", __name__)

PERIODS = (7, 28, 90)
DEFAULT_PERIOD = 28
MAX_PERIOD = 366  # days


@blueprint.get("/insights")
@require_login("insights:read", "accounts:read")
@reads_replica
def show_numbers() -> str:
    """Show the numbers of one of my accounts."""
    labels = list_account_labels()
    label = find_label(labels)
    first_day, last_day = read_days()
    fields = load_number_fields(label, first_day, last_day) if label else {}
    return render_template(
        "numbers.html",
        accounts=labels,
        account=label,
        first_day=first_day,
        last_day=last_day,
        periods=[(days, period_url(label, days)) for days in PERIODS],
        length=(last_day - first_day).days + 1,
        is_latest=last_day == current_day(),
        **fields,
    )


def find_label(labels: Sequence[AccountLabel]) -> AccountLabel | None:
    """Return the account that the address names, else the first one. Errors: NotFound."""
    key = request.args.get("account")
    if key is None:
        return labels[0] if labels else None
    label = next((each for each in labels if each.key == key), None)
    if label is None:
        raise NotFound("this user has no such account")
    return label


def read_days() -> tuple[date, date]:
    """Return the first and the last day that the address names, else the last 28 days."""
    last_day = parse_day("to") or current_day()
    length = request.args.get("days", "")
    count = int(length) if length in {str(days) for days in PERIODS} else DEFAULT_PERIOD
    first_day = parse_day("from") or last_day - timedelta(days=count - 1)
    first_day = min(first_day, last_day)
    return max(first_day, last_day - timedelta(days=MAX_PERIOD - 1)), last_day


def parse_day(name: str) -> date | None:
    """Parse a day that has come already, and is not so long ago that nothing is left of it."""
    try:
        day = datetime.strptime(request.args.get(name, ""), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        return None
    return day if current_day() - timedelta(days=10 * MAX_PERIOD) <= day <= current_day() else None


def period_url(label: AccountLabel | None, days: int) -> str:
    return url_for("number_pages.show_numbers", days=days, account=label.key if label else None)


def load_number_fields(label: AccountLabel, first_day: date, last_day: date) -> dict[str, Any]:
    account_id, destination_id = parse_account(label.key)
    period = ViewPeriod(
        zone=current_zone(),
        first_day=first_day,
        last_day=last_day,
        provider=label.platform,
        account_id=account_id,
        destination_id=destination_id,
    )
    database, user_id = reading_database(), current_principal().user_id
    services = current_container().services
    numbers = load_account_numbers(database, services, period, user_id=user_id)
    history = load_view_history(database, period, user_id=user_id)
    return {
        "views": view_chart_fields(history),
        "metrics": [history_fields(metric) for metric in numbers.metrics],
        "posts": numbers.posts,
        "post_metrics": [(name, metric_label(name)) for name in POST_METRICS],
        "last_sample_at": numbers.last_sample_at,
        "next_sample_at": numbers.status.next_sample_at if numbers.status else None,
        "problem": find_problem(numbers),
    }


def find_problem(numbers: AccountNumbers) -> str | None:
    """Say why the numbers of this account are not read, if they are not."""
    if numbers.status is None:
        return translate_text("This platform gives no numbers.")
    if numbers.status.problem is None:
        return None
    message = find_message(numbers.status.problem, current_locale())
    if message is None:
        return translate_text("The numbers of this account are not read at the moment.")
    return f"{message.message} {message.suggestion}"


def history_fields(metric: MetricHistory) -> dict[str, Any]:
    values = [value for _, value in metric.days]
    known = [value for value in values if value is not None]
    return {
        "name": metric.name,
        "label": metric_label(metric.name),
        "latest": metric.latest,
        "change": metric.change,
        "chart": build_line_chart([day for day, _ in metric.days], values)
        if len(known) > 1
        else None,
        "rows": [(day, value) for day, value in metric.days if value is not None][::-1],
    }


@blueprint.get("/insights/<int:post_id>")
@require_login("insights:read", "posts:read")
def show_post_numbers(post_id: int) -> str | Response:
    """Show the numbers of one of my posts."""
    view = publishing.get_post(
        current_container().database, post_id, user_id=current_principal().user_id
    )
    metrics = insights.load_post_metrics(
        current_container().database,
        [(view.post, view.record)],
        user_id=current_principal().user_id,
    ).get(post_id)
    if metrics is None:
        return redirect(url_for("post_pages.show_post", post_id=post_id))
    return render_template(
        "post_numbers.html",
        post=view.post,
        metrics=metrics,
        values=[(metric_label(name), getattr(metrics, name)) for name in POST_METRICS],
    )
