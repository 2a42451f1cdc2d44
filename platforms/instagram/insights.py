"""Fetches the metrics of media and accounts.

One metric that Meta does not offer fails the whole request. Then they are asked for one by one, and
those that were refused are not asked for again while the process runs.

Source: Meta, media insights and account insights, text of 2026-09-11, read 2026-11-22.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from platforms.errors import PlatformError, Rejected
from platforms.insights_base import AccountAccess, MetricReport, PublicItem
from platforms.instagram.graph import GraphClient
from platforms.instagram.media import INVALID_PARAMETER, require_account, require_scope
from platforms.instagram.metric_tables import (
    AUDIENCE_BOUND,
    AUDIENCE_BREAKDOWNS,
    AUDIENCE_METRICS,
    AUDIENCE_TIMEFRAME,
    MEDIA_METRICS,
    OTHER_BREAKDOWN_NAMES,
    UNKNOWN_PRODUCT_METRICS,
    metrics_by_breakdown,
    metrics_without_total,
    series_metrics,
    total_metrics,
)
from platforms.instagram.metric_values import MetricCollector
from platforms.instagram.node_reads import node_path, read_node

INSIGHTS_SCOPES = {
    "facebook": "instagram_manage_insights",
    "instagram": "instagram_business_manage_insights",
}
MAX_WINDOW = timedelta(days=30)  # of one question; a longer one is refused
PERMISSION_MISSING = "permission_missing"
SKIPPED_CODES = frozenset({INVALID_PARAMETER, PERMISSION_MISSING})
"""Refusals of a single metric: Meta does not offer it here, or not now."""

BREAKDOWN_CODES = SKIPPED_CODES | {"server_error"}
"""Also Meta's "unknown error", its answer to a breakdown that a metric does not have."""

STORY = "STORY"
MetricCall = Callable[[Sequence[str]], None]
"""Asks for these metrics in one request."""


@dataclass
class RefusedMetrics:
    """Which metrics were refused, by what they are of. Shared by threads."""

    names: dict[str, set[str]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock, repr=False)

    def list_allowed(self, group: str, names: Sequence[str]) -> tuple[str, ...]:
        with self.lock:
            refused = self.names.get(group, set())
            return tuple(name for name in names if name not in refused)

    def add(self, group: str, names: Sequence[str]) -> None:
        """Keep the refused ones, except those that depend on how many people an account has."""
        with self.lock:
            self.names.setdefault(group, set()).update(set(names) - AUDIENCE_BOUND)


@dataclass(frozen=True)
class MetricQuestion:
    """Metrics that are asked for in one request.

    `group` is what they are of: those that are refused there are not asked for again. Unless
    `is_subject_known` the subject itself may be the reason: then nothing is concluded from a
    refusal of all. `skipped_codes`: of errors that may be those of single metrics.
    """

    names: tuple[str, ...]
    group: str
    ask: MetricCall
    is_subject_known: bool = True
    skipped_codes: frozenset[str] = SKIPPED_CODES


@dataclass(frozen=True)
class InstagramInsights:
    """Implements `DetailedInsights`."""

    client: GraphClient
    refused: RefusedMetrics = field(default_factory=RefusedMetrics, compare=False)

    def fetch_item_metrics(self, item: PublicItem, access: AccountAccess) -> MetricReport:
        """Return the metrics of media since they were posted. An item of an album has none.

        A story with less than five viewers is refused as if the permission lacked: for a story that
        means no metrics yet.
        """
        self._require_scope(access)
        product, collector = item.product or "", MetricCollector()
        names = MEDIA_METRICS.get(product, UNKNOWN_PRODUCT_METRICS)

        def ask(requested: Sequence[str]) -> None:
            body = self._read_insights(item.id, access, "media_insights", requested, {})
            collector.add_body(body, requested, subject_id=item.id)

        question = MetricQuestion(names, product, ask, is_subject_known=False)
        try:
            self._ask_metrics(question, collector)
        except Rejected as error:
            if product != STORY or error.code != PERMISSION_MISSING:
                raise
            collector.unavailable += names
        return collector.build_report()

    def fetch_account_metrics(
        self, access: AccountAccess, *, since: datetime, until: datetime
    ) -> MetricReport:
        """Return the metrics of a window: series by day, totals of all of it, and their parts.

        Errors: ValueError for a window above 30 days.
        """
        self._require_scope(access)
        if not timedelta(0) < until - since <= MAX_WINDOW:
            raise ValueError("a window of metrics has to be of 1 second to 30 days")
        window = {"since": int(since.timestamp()), "until": int(until.timestamp()), "period": "day"}
        totals = {**window, "metric_type": "total_value"}
        collector = MetricCollector()
        question = self._account_question(total_metrics(), collector, access, totals)
        self._ask_metrics(replace(question, is_subject_known=False), collector)
        series = {**window, "metric_type": "time_series"}
        self._ask_more(series_metrics(), collector, access, series)
        for breakdown, names in metrics_by_breakdown().items():
            self._ask_breakdown(breakdown, names, collector, access, totals)
        collector.drop_counts(metrics_without_total())
        return collector.build_report()

    def fetch_audience_metrics(self, access: AccountAccess) -> MetricReport:
        """Return who follows and reacts, by age, place and gender; from 100 people on."""
        self._require_scope(access)
        collector = MetricCollector()
        params = {
            "period": "lifetime",
            "metric_type": "total_value",
            "timeframe": AUDIENCE_TIMEFRAME,
        }
        for breakdown in AUDIENCE_BREAKDOWNS:
            self._ask_breakdown(breakdown, AUDIENCE_METRICS, collector, access, params)
        return collector.build_report()

    def _ask_breakdown(
        self,
        breakdown: str,
        names: tuple[str, ...],
        collector: MetricCollector,
        access: AccountAccess,
        params: Mapping[str, Any],
    ) -> None:
        """Ask for the parts of metrics; where the name is refused, by the other one."""
        known_count = len(collector.unavailable)
        self._ask_more(names, collector, access, {**params, "breakdown": breakdown})
        for name in collector.unavailable[known_count:]:
            other = OTHER_BREAKDOWN_NAMES.get((name, breakdown))
            if other is not None:
                self._ask_more((name,), collector, access, {**params, "breakdown": other})
                collector.rename_parts(name, other, breakdown)

    def _ask_more(
        self,
        names: tuple[str, ...],
        collector: MetricCollector,
        access: AccountAccess,
        params: Mapping[str, Any],
    ) -> None:
        """Ask for what others do without: a permission that lacks here lacks for these alone."""
        try:
            self._ask_metrics(self._account_question(names, collector, access, params), collector)
        except Rejected as error:
            if error.code != PERMISSION_MISSING:
                raise
            collector.unavailable += names

    def _account_question(
        self,
        names: tuple[str, ...],
        collector: MetricCollector,
        access: AccountAccess,
        params: Mapping[str, Any],
    ) -> MetricQuestion:
        account_id = require_account(access)

        def ask(requested: Sequence[str]) -> None:
            body = self._read_insights(account_id, access, "account_insights", requested, params)
            collector.add_body(body, requested, subject_id=account_id)

        group = params.get("breakdown") or params["metric_type"]
        codes = BREAKDOWN_CODES if "breakdown" in params else SKIPPED_CODES
        return MetricQuestion(names, str(group), ask, skipped_codes=codes)

    def _ask_metrics(self, question: MetricQuestion, collector: MetricCollector) -> None:
        """Ask for all at once and, if one is refused, one by one.

        Errors: Rejected `permission_missing` if each is refused for lack of a permission.
        """
        names = self.refused.list_allowed(question.group, question.names)
        collector.unavailable += [name for name in question.names if name not in names]
        if not names:
            return
        try:
            question.ask(names)
        except PlatformError as error:
            is_story_refused = question.group == STORY and error.code == PERMISSION_MISSING
            if error.code not in question.skipped_codes or is_story_refused:
                raise
            refusals = {names[0]: error} if len(names) == 1 else ask_singly(names, question)
            self._record_refusals(refusals, names, question, collector)

    def _record_refusals(
        self,
        refusals: Mapping[str, PlatformError],
        names: Sequence[str],
        question: MetricQuestion,
        collector: MetricCollector,
    ) -> None:
        is_any_answered = len(refusals) < len(names)
        if not is_any_answered and all(
            refusal.code == PERMISSION_MISSING for refusal in refusals.values()
        ):
            raise refusals[names[0]]
        collector.unavailable += refusals
        if is_any_answered or question.is_subject_known:
            unsupported = [
                name for name, refusal in refusals.items() if refusal.code == INVALID_PARAMETER
            ]
            self.refused.add(question.group, unsupported)

    def _read_insights(
        self,
        subject_id: str,
        access: AccountAccess,
        endpoint: str,
        names: Sequence[str],
        params: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        return read_node(
            self.client,
            node_path(subject_id, "insights"),
            access.token,
            access.fallback_token,
            endpoint=endpoint,
            params={"metric": ",".join(names), **params},
        )

    def _require_scope(self, access: AccountAccess) -> None:
        require_scope(INSIGHTS_SCOPES[self.client.flavour], access)


def ask_singly(names: Sequence[str], question: MetricQuestion) -> dict[str, PlatformError]:
    """Ask for each metric alone; return the refusals of those that are refused."""
    refusals: dict[str, PlatformError] = {}
    for name in names:
        try:
            question.ask((name,))
        except PlatformError as error:
            if error.code not in question.skipped_codes:
                raise
            refusals[name] = error
    return refusals
