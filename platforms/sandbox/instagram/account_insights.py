"""Insights of an account: series by day, totals of a window, demographics.

Source: Meta, account insights (text of 2026-09-11), read 2026-11-22; messages, the list of names
and the missing value without a breakdown as measured on v22.0 to v25.0 in 2026.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from flask import request

from platforms.sandbox.instagram.access import GraphCaller, read_list_param
from platforms.sandbox.instagram.fields import parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import invalid_parameter
from platforms.sandbox.instagram.insight_checks import (
    RESULT_FIELDS,
    Params,
    check_choices,
    incompatible_breakdowns,
    incompatible_periods,
    read_periods,
    required_parameter,
    split_value,
)
from platforms.sandbox.instagram.metric_tables import (
    ACCOUNT_BREAKDOWN_NAMES,
    ACCOUNT_BREAKDOWNS,
    ACCOUNT_METRICS,
    FOLLOWER_COUNT,
    FOREIGN_METRICS,
    LIFETIME,
    METRIC_TYPES,
    ONLINE_FOLLOWERS,
    TIME_SERIES,
    TIMEFRAMES,
    TOTAL_VALUE,
    WITHDRAWN_TIMEFRAMES,
    SandboxAccountMetric,
)
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.reading_state import format_timestamp
from platforms.sandbox.instagram.state import InstagramState

DAY_SECONDS = 86_400
DAY_START = 7 * 3_600  # days of insights begin at 07:00 UTC, midnight in California
MAX_WINDOW = 30 * DAY_SECONDS
TIMEFRAME_SECONDS = {"this_week": 7 * DAY_SECONDS, "this_month": 30 * DAY_SECONDS}
TEXT_TIMES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z")
UNIQUE_SHARE = 0.6  # of the sum of the days: one account that is reached twice counts once


@dataclass(frozen=True)
class SandboxInsightQuery:
    """A query that passed the checks. Units: seconds since 1970."""

    metrics: list[SandboxAccountMetric]
    metric_type: str  # "" if it was not said
    period: str
    breakdowns: list[str]
    since: int
    until: int


def read_account_insights(
    meta: InstagramState, caller: GraphCaller, account: IgAccount, params: Params
) -> dict[str, Any]:
    """Return the metrics of an account; one bad metric fails all of them. Errors: GraphError."""
    caller.require_feature("insights")
    query = check_query(meta, params)
    items = [insight_item(meta, account, metric, query) for metric in query.metrics]
    specs = parse_fields(params.get("fields"))
    found = [item for item in items if item is not None]
    data = [select_fields(item, specs, RESULT_FIELDS) if specs else item for item in found]
    return {"data": data, "paging": window_links(params, query)} if found else {"data": []}


def check_query(meta: InstagramState, params: Params) -> SandboxInsightQuery:
    names = read_list_param(params, "metric")
    check_names(meta, names)
    metrics = [ACCOUNT_METRICS[name] for name in dict.fromkeys(names) if name in ACCOUNT_METRICS]
    periods = read_periods(params)
    if not periods:
        raise required_parameter("period")
    for metric in metrics:
        refused = [period for period in periods if period != metric.period]
        if refused:
            raise incompatible_periods(refused, metric.name)
    metric_type = str(params.get("metric_type", ""))
    check_metric_type(metrics, metric_type)
    breakdowns = check_breakdowns(metrics, metric_type, params)
    timeframe = check_timeframe(metrics, params)
    since, until = read_window(meta, params, timeframe, is_series=metric_type != TOTAL_VALUE)
    if FOLLOWER_COUNT in names and since < meta.now - MAX_WINDOW - DAY_SECONDS:
        raise invalid_parameter(
            "(follower_count) metric only supports querying data for the last 30 days excluding "
            "the current day"
        )
    return SandboxInsightQuery(metrics, metric_type, periods[0], breakdowns, since, until)


def check_names(meta: InstagramState, names: list[str]) -> None:
    if not names:
        raise required_parameter("metric")
    documented = [
        metric.name
        for metric in ACCOUNT_METRICS.values()
        if metric.is_documented or meta.settings.has_undocumented_metrics
    ]
    check_choices("metric", names, (*documented, *FOREIGN_METRICS))


def check_metric_type(metrics: list[SandboxAccountMetric], metric_type: str) -> None:
    """Refuse a type that the metric does not have; most need `total_value`, and say so."""
    if metric_type and metric_type not in METRIC_TYPES:
        allowed = ", ".join(METRIC_TYPES)
        raise invalid_parameter(f"metric_type must be one of the following values: {allowed}")
    only_totals = [each.name for each in metrics if TIME_SERIES not in each.metric_types]
    if metric_type in {"", "default"} and only_totals:
        raise invalid_parameter(
            f"The following metrics ({','.join(only_totals)}) should be specified with parameter "
            "metric_type=total_value"
        )
    for metric in metrics:
        if metric_type in {TIME_SERIES, TOTAL_VALUE} and metric_type not in metric.metric_types:
            raise invalid_parameter(
                f"The following metric ({metric.name}) is incompatible with the metric type "
                f"({metric_type})"
            )


def check_breakdowns(
    metrics: list[SandboxAccountMetric], metric_type: str, params: Params
) -> list[str]:
    breakdowns = read_list_param(params, "breakdown")
    check_choices("breakdown", breakdowns, ACCOUNT_BREAKDOWN_NAMES)
    if breakdowns and metric_type != TOTAL_VALUE:
        raise invalid_parameter("The parameter breakdown needs metric_type=total_value")
    for metric in metrics:
        refused = [breakdown for breakdown in breakdowns if breakdown not in metric.breakdowns]
        if refused:
            raise incompatible_breakdowns(refused, metric.name)
    return breakdowns


def check_timeframe(metrics: list[SandboxAccountMetric], params: Params) -> str:
    timeframe = str(params.get("timeframe", ""))
    if timeframe in WITHDRAWN_TIMEFRAMES:
        raise invalid_parameter(f"The timeframe {timeframe} is no longer supported from v20.0")
    if timeframe and timeframe not in TIMEFRAMES:
        allowed = ", ".join(TIMEFRAMES)
        raise invalid_parameter(f"timeframe must be one of the following values: {allowed}")
    needs_timeframe = any(is_demographic(metric) for metric in metrics)
    if needs_timeframe and not timeframe:
        raise required_parameter("timeframe")
    return timeframe


def is_demographic(metric: SandboxAccountMetric) -> bool:
    return metric.period == LIFETIME and metric.needs_breakdown


def read_window(
    meta: InstagramState, params: Params, timeframe: str, *, is_series: bool
) -> tuple[int, int]:
    """Return since and until; a timeframe overrides them, and without any it is the last day.

    A series then has two days, as in Meta's sample. Errors: GraphError 100.
    """
    now = int(meta.now)
    if timeframe:
        return now - TIMEFRAME_SECONDS[timeframe], now
    default = (2 if is_series else 1) * DAY_SECONDS
    until = read_time(params, "until", now)
    since = read_time(params, "since", until - default)
    if since >= until:
        raise invalid_parameter("The parameter since must be before until")
    if until - since > MAX_WINDOW:
        raise invalid_parameter(
            "There cannot be more than 30 days (2592000 s) between since and until"
        )
    return since, until


def read_time(params: Params, name: str, default: int) -> int:
    text = str(params.get(name, default))
    if text.isdecimal():
        return int(text)
    for form in TEXT_TIMES:
        try:
            parsed = datetime.strptime(text, form)  # noqa: DTZ007 - dates are UTC, set below
        except ValueError:
            continue
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    raise invalid_parameter(f"{name} is not a valid time")


def insight_item(
    meta: InstagramState,
    account: IgAccount,
    metric: SandboxAccountMetric,
    query: SandboxInsightQuery,
) -> dict[str, Any] | None:
    """Return the metric as Meta writes it; None if it has no data."""
    if account.followers_count < metric.min_audience:
        return None
    oldest = meta.now - meta.settings.account_insights_days * DAY_SECONDS
    values = meta.reading.metric_values.get(account.id, {})
    if query.until <= oldest or values.get(metric.name, 0) is None:
        return None
    item: dict[str, Any] = {
        "name": metric.name,
        "period": query.period,
        "title": metric.title,
        "description": f"{metric.title} of this account",
        "id": f"{account.id}/insights/{metric.name}/{query.period}",
    }
    if query.metric_type != TOTAL_VALUE:
        return item | {"values": series_values(meta, account, metric, query)}
    if metric.needs_breakdown and not query.breakdowns:
        return item
    total = total_value(meta, account, metric, query)
    if not query.breakdowns:
        return item | {"total_value": {"value": total}}
    dimensions = {name: ACCOUNT_BREAKDOWNS[name] for name in query.breakdowns}
    return item | {"total_value": split_value(total, dimensions)}


def series_values(
    meta: InstagramState,
    account: IgAccount,
    metric: SandboxAccountMetric,
    query: SandboxInsightQuery,
) -> list[dict[str, Any]]:
    first = query.since - (query.since - DAY_START) % DAY_SECONDS + DAY_SECONDS
    values = []
    for end in range(first, query.until + 1, DAY_SECONDS):
        value: Any = day_value(meta, account, metric, end)
        if metric.name == ONLINE_FOLLOWERS:
            value = {str(hour): value // 24 for hour in range(24)}
        values.append({"value": value, "end_time": format_timestamp(end)})
    return values


def total_value(
    meta: InstagramState,
    account: IgAccount,
    metric: SandboxAccountMetric,
    query: SandboxInsightQuery,
) -> int:
    """Return one value for the window. Reached accounts are fewer than the sum of the days."""
    given = meta.reading.metric_values.get(account.id, {}).get(metric.name)
    if given is not None:
        return int(given)
    if metric.name == "follower_demographics":
        return account.followers_count
    days = (query.until - query.since) / DAY_SECONDS
    total = days * day_value(meta, account, metric, query.until)
    return int(total * UNIQUE_SHARE if metric.name == "reach" and days > 1 else total)


def day_value(
    meta: InstagramState, account: IgAccount, metric: SandboxAccountMetric, end: int
) -> int:
    """Return the value of the day that ends then: the set one, or one that differs by day."""
    given = meta.reading.metric_values.get(account.id, {}).get(metric.name)
    if given is not None:
        return int(given)
    swing = 0.8 + crc32(f"{account.id}:{end // DAY_SECONDS}".encode()) % 40 / 100  # 80 to 119 %
    share = metric.share or ACCOUNT_METRICS["accounts_engaged"].share
    return int(meta.settings.account_views_per_day * swing * share)


def window_links(params: Params, query: SandboxInsightQuery) -> dict[str, str]:
    """Return the addresses of the windows before and after; they have no token of a header."""
    length = query.until - query.since
    token = request.args.get("access_token")
    kept = {name: str(value) for name, value in params.items() if name not in {"since", "until"}}
    kept |= {"access_token": token} if token else {}
    windows = {
        "previous": (query.since - length, query.since),
        "next": (query.until, query.until + length),
    }
    return {
        name: f"{request.base_url}?{urlencode({**kept, 'since': since, 'until': until})}"
        for name, (since, until) in windows.items()
    }
