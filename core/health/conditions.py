"""The alert conditions: what is measured, and from which value on operators have to know.

Rates need a share and a count: three failures are nothing among 10,000 accounts, and one per cent
is nothing among ten. What to do about each alert is in docs/operate/alerts.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.bootstrap import Services
from core.health import heartbeat_conditions, row_conditions, store_conditions
from core.health.measurement import Measurement, Probes
from db.session import Session

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PROBE_HOLD = timedelta(seconds=10)  # one failed probe is no outage: the next one decides


@dataclass(frozen=True)
class AlertCondition:
    """An alert is open while the measured value is above `limit`, both in `unit`.

    Shapes: `measure` queries rows and calls no network; `probe` calls stores and gets no session.
    `worse` is a second limit with its severity. `counts_new`: when the number grows while the alert
    is open, there is a further notice.
    """

    name: str
    severity: str
    limit: float
    unit: str
    measure: Callable[[Session, Services], Measurement] | None = None
    probe: Callable[[Probes], Measurement] | None = None
    worse: tuple[float, str] | None = None
    hold: timedelta = timedelta(0)
    counts_new: bool = False
    needs_heartbeats: bool = False

    def severity_of(self, value: float) -> str:
        if self.worse is not None and value > self.worse[0]:
            return self.worse[1]
        return self.severity

    def describe(self, measurement: Measurement) -> dict[str, Any]:
        """The details of the alert: what was measured, the limit, and what it consists of."""
        limits = {"measured": round(measurement.value, 1), "limit": self.limit, "unit": self.unit}
        return {**limits, **measurement.details}


DATABASE = AlertCondition(
    "database",
    "critical",
    0,
    "seconds without a database that can be written",
    measure=lambda _session, _services: Measurement(0.0),
)
"""Judged in memory while the database is away (`core.health.outage`). Whoever can measure it here
has a database, so this ends it."""

ALERT_CONDITIONS = (
    DATABASE,
    AlertCondition(
        "broker_unreachable",
        "critical",
        0,
        "brokers that do not answer",
        probe=store_conditions.probe_broker,
        hold=PROBE_HOLD,
    ),
    AlertCondition(
        "redis_unreachable",
        "critical",
        0,
        "servers of REDIS_URL that do not answer",
        probe=store_conditions.probe_redis,
        hold=PROBE_HOLD,
    ),
    AlertCondition(
        "scheduler_lag",
        "warning",
        180,
        "seconds since the last tick of beat",
        measure=heartbeat_conditions.measure_tick_age,
        worse=(300, "error"),
        needs_heartbeats=True,
    ),
    AlertCondition(
        "worker_silent",
        "critical",
        0,
        "queues that no worker consumes",
        measure=heartbeat_conditions.count_silent_queues,
        needs_heartbeats=True,
    ),
    AlertCondition(
        "work_overdue",
        "error",
        300,
        "seconds for which the oldest work has been due",
        measure=heartbeat_conditions.measure_overdue_work,
    ),
    AlertCondition(
        "paused_for_long",
        "warning",
        3600,
        "seconds for which a platform or a queue has been paused",
        measure=heartbeat_conditions.measure_longest_pause,
    ),
    AlertCondition(
        "clock_skew",
        "critical",
        5,
        "seconds between this machine's clock and the database's",
        measure=heartbeat_conditions.measure_clock_skew,
        hold=PROBE_HOLD,
    ),
    AlertCondition(
        "standby_lost",
        "critical",
        0,
        "synchronous standbys missing",
        measure=store_conditions.count_missing_standbys,
    ),
    AlertCondition(
        "replica_left_out",
        "warning",
        0,
        "replicas that no list is read from",
        probe=store_conditions.probe_replica,
        hold=MINUTE,
    ),
    AlertCondition(
        "media_store_full",
        "warning",
        90,
        "percent of the room for media files in use",
        probe=store_conditions.measure_media_use,
        worse=(97, "critical"),
    ),
    AlertCondition(
        "dead_letters",
        "warning",
        0,
        "events",
        measure=row_conditions.count_dead_events,
        counts_new=True,
    ),
    AlertCondition(
        "webhook_unreadable",
        "warning",
        0,
        "deliveries within an hour",
        measure=row_conditions.count_unreadable_deliveries,
        counts_new=True,
    ),
    AlertCondition(
        "webhook_unknown_path",
        "warning",
        0,
        "of our processes got deliveries for an unknown address within an hour",
        measure=heartbeat_conditions.count_unknown_paths,
    ),
    AlertCondition(
        "webhook_backlog",
        "error",
        100,
        "events due for five minutes",
        measure=row_conditions.count_backlog,
    ),
    AlertCondition(
        "high_webhook_latency",
        "warning",
        5,
        "seconds, 95th percentile",
        measure=row_conditions.measure_webhook_latency,
    ),
    AlertCondition(
        "upload_failure_rate",
        "error",
        5,
        "percent of posts",
        measure=row_conditions.measure_failed_posts,
    ),
    AlertCondition(
        "unconfirmed_posts",
        "warning",
        0,
        "posts unconfirmed for an hour",
        measure=row_conditions.count_unconfirmed_posts,
        counts_new=True,
    ),
    AlertCondition(
        "oauth_failures",
        "error",
        5,
        "attempts to connect an account that failed in 15 minutes",
        measure=row_conditions.count_refused_connections,
    ),
    AlertCondition(
        "token_refresh_failure",
        "warning",
        3,
        "accounts whose refresh failed in 15 minutes",
        measure=row_conditions.count_failed_refreshes,
    ),
    AlertCondition(
        "token_refresh_failing",
        "critical",
        10,
        "accounts whose refresh failed in an hour",
        measure=row_conditions.count_failing_refreshes,
    ),
    AlertCondition(
        "token_refresh_other_account",
        "critical",
        0,
        "refreshes in two hours that answered with the tokens of another account",
        measure=row_conditions.count_foreign_refreshes,
        counts_new=True,
    ),
    AlertCondition(
        "grants_removed",
        "error",
        3,
        "accounts of a platform whose grant it reported as revoked within an hour",
        measure=row_conditions.count_removed_grants,
    ),
    AlertCondition(
        "tokens_expired",
        "error",
        0,
        "live accounts whose access token ended ten minutes ago",
        measure=row_conditions.count_expired_tokens,
    ),
    AlertCondition(
        "crypto_error",
        "critical",
        0,
        "accounts whose tokens cannot be decrypted",
        measure=row_conditions.count_crypto_errors,
        counts_new=True,
    ),
    AlertCondition(
        "reading_paused",
        "warning",
        3,
        "accounts whose reading waits for the platform's call limit",
        measure=row_conditions.count_paused_reading,
    ),
    AlertCondition(
        "endpoints_failing",
        "warning",
        2,
        "endpoints that have failed for an hour",
        measure=row_conditions.count_failing_endpoints,
    ),
    AlertCondition(
        "notices_undelivered",
        "error",
        0,
        "sinks that do not take notices",
        measure=row_conditions.count_failing_sinks,
    ),
    AlertCondition(
        "conditions_unjudged",
        "error",
        0,
        "conditions that cannot be measured",
        measure=row_conditions.count_unjudged_conditions,
    ),
)
"""`conditions_unjudged` is the last, so that it counts what failed in the same round."""
