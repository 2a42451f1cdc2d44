"""Steps about the account as a whole: its counts, its metrics of the last days, its audience."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.insights.item_steps import PERMISSION_CODES, count_items
from core.insights.sampling_job import (
    ACCOUNT_SUBJECT,
    SamplingCall,
    StepAnswer,
    account_subject,
)
from core.insights.sampling_schedule import spread_delay
from core.validation import format_utc
from db.insights.schedule import SamplingSchedule
from db.insights.snapshots import MetricSnapshots
from db.records.items import find_account_store
from db.session import Session, database_now
from platforms.errors import Rejected
from platforms.insights_base import MetricCounts, MetricReport


@dataclass(frozen=True)
class AccountReading:
    """What was read of an account. `report` of None: the platform has no metrics of a window, or
    the login lacks the permission.
    """

    counts: MetricCounts
    report: MetricReport | None = None
    window: tuple[str, str] | None = None  # begin and end, ISO 8601


def fetch_account(call: SamplingCall) -> AccountReading:
    counts = call.insights.fetch_account_totals(call.access)
    length, detailed = call.job.rules.account_window, call.adapter.detailed_insights
    if length is None or detailed is None:
        return AccountReading(counts)
    until, since = call.now, call.now - length
    try:
        report = detailed.fetch_account_metrics(call.access, since=since, until=until)
    except Rejected as error:
        if error.code not in PERMISSION_CODES:
            raise
        return AccountReading(counts)
    return AccountReading(counts, report, (format_utc(since), format_utc(until)))


def record_account(session: Session, schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store what was read of the account and schedule the next reading.

    A metric with a series has a value per day; of the others the value of the window is kept.
    """
    reading: AccountReading = answer.value
    account, rules = answer.job.account, answer.job.rules
    subject, snapshots = account_subject(account), MetricSnapshots(session)
    series = {} if reading.report is None else reading.report.series
    totals = {} if reading.report is None else reading.report.counts
    latest = {
        name: value
        for name, value in {**totals, **reading.counts}.items()
        if name in rules.account_metrics
    }
    kept = {name: value for name, value in latest.items() if name not in series}
    count_items(account, ACCOUNT_SUBJECT, "kept", snapshots.add({subject: kept}))
    for name, points in series.items():
        if name in rules.account_metrics:
            snapshots.replace_points(
                subject, name, {point.ends_at: point.value for point in points}
            )
    if (store := find_account_store(session, account.provider)) is not None:
        store.record_metrics(account, describe_reading(reading, latest))
    schedule.totals_due_at = database_now(session) + spread_delay(
        rules.totals_interval, jitter=answer.jitter
    )


def describe_reading(reading: AccountReading, latest: MetricCounts) -> dict[str, Any]:
    """Return a reading as JSON; what was not read is left out, so that it keeps its value."""
    stored: dict[str, Any] = {"latest": dict(latest)}
    if reading.report is None or reading.window is None:
        return stored
    begin, end = reading.window
    return {
        **stored,
        "window": {"from": begin, "to": end},
        "series": {
            name: [{"at": format_utc(point.ends_at), "value": point.value} for point in points]
            for name, points in reading.report.series.items()
        },
        "parts": {
            name: {breakdown: dict(values) for breakdown, values in parts.items()}
            for name, parts in reading.report.parts.items()
        },
        "unavailable": sorted(set(reading.report.unavailable)),
    }


def fetch_audience(call: SamplingCall) -> MetricReport | None:
    detailed = call.adapter.detailed_insights
    return None if detailed is None else detailed.fetch_audience_metrics(call.access)


def record_audience(session: Session, schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store who follows the account and reacts to it; what was not given this time is not kept."""
    rules, report = answer.job.rules, answer.value
    store = find_account_store(session, answer.job.provider)
    if rules.audience_interval is not None:
        delay = spread_delay(rules.audience_interval, jitter=answer.jitter)
        schedule.audience_due_at = database_now(session) + delay
    if report is not None and store is not None:
        store.record_metrics(answer.job.account, {"audience": describe_audience(report, answer)})


def describe_audience(report: MetricReport, answer: StepAnswer) -> dict[str, Any]:
    """Return the audience as JSON: each metric with all its breakdowns, null without a value."""
    metrics = {
        metric: {
            breakdown: dict(values) if (values := parts_of(report, metric, breakdown)) else None
            for breakdown in breakdowns
        }
        for metric, breakdowns in answer.job.rules.audience_metrics.items()
    }
    return {"at": format_utc(answer.at), **metrics}


def parts_of(report: MetricReport, metric: str, breakdown: str) -> Mapping[str, int] | None:
    return report.parts.get(metric, {}).get(breakdown)
