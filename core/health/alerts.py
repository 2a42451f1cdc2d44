"""Alerts for operators: a table of conditions, opened and resolved by periodic checks.

Every condition is a query. What to do about each alert is in docs/operations.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.accounts.refresh_calls import OTHER_ACCOUNT
from core.errors import NotFound
from core.health.readiness import QUEUES
from core.webhooks.receive import UNREADABLE_EVENT_TYPE
from db.accounts.accounts import AccountStatus
from db.ops.alerts import Alert, Alerts
from db.ops.gauges import AlertQueries
from db.ops.heartbeats import Heartbeats
from db.session import Database, Session

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CANARY_TIMEOUT = 3 * timedelta(seconds=10)  # a canary is sent every ten seconds
# A percentage or a percentile of so few rows, or fewer, would open alerts by chance.
MIN_FINISHED_POSTS, MIN_LATENCY_EVENTS = 10, 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AlertCondition:
    """An alert is open while `measure` returns more than `limit`, both in `unit`."""

    name: str
    severity: str
    limit: float
    unit: str
    measure: Callable[[Session], float]


@dataclass(frozen=True)
class AlertCheckResult:
    opened: int
    active: int


def failed_post_percentage(session: Session) -> float:
    """Percentage of failed posts in the last 15 minutes; 0 for ten posts or fewer."""
    finished, failed = AlertQueries(session).count_finished_posts(within=15 * MINUTE)
    return 100 * failed / finished if finished > MIN_FINISHED_POSTS else 0.0


def webhook_latency_seconds(session: Session) -> float:
    """95th percentile of the last ten minutes; 0 for five events or fewer."""
    count, latency = AlertQueries(session).first_attempt_latency(within=10 * MINUTE)
    return latency.total_seconds() if count > MIN_LATENCY_EVENTS else 0.0


def tick_age_seconds(session: Session) -> float:
    """Seconds since the last tick of beat; 0 if beat has never run."""
    age = Heartbeats(session).age("tick")
    return age.total_seconds() if age else 0.0


def count_silent_queues(session: Session) -> float:
    """Number of queues with due work whose canary has stopped arriving."""
    ages = {kind: Heartbeats(session).age(f"canary:{kind}") for kind in QUEUES}
    silent = [kind for kind, age in ages.items() if age is not None and age > CANARY_TIMEOUT]
    return len([kind for kind in silent if QUEUES[kind].oldest_due_at(session) is not None])


ALERT_CONDITIONS = (
    AlertCondition(
        "dead_letters", "warning", 0, "events", lambda s: AlertQueries(s).count_dead_letters()
    ),
    AlertCondition(
        "webhook_unreadable",
        "warning",
        0,
        "deliveries within an hour",
        lambda s: AlertQueries(s).count_unreadable(UNREADABLE_EVENT_TYPE, within=HOUR),
    ),
    AlertCondition(
        "webhook_backlog",
        "error",
        100,
        "events due for five minutes",
        lambda s: AlertQueries(s).count_backlog(older_than=5 * MINUTE),
    ),
    AlertCondition(
        "high_webhook_latency", "warning", 5, "seconds, 95th percentile", webhook_latency_seconds
    ),
    AlertCondition("upload_failure_rate", "error", 5, "percent of posts", failed_post_percentage),
    AlertCondition(
        "unconfirmed_posts",
        "warning",
        0,
        "posts unconfirmed for an hour",
        lambda s: AlertQueries(s).count_unconfirmed(older_than=HOUR),
    ),
    AlertCondition(
        "token_refresh_failure",
        "warning",
        3,
        "failed refreshes in 15 minutes",
        lambda s: AlertQueries(s).count_failed_attempts("accounts", within=15 * MINUTE),
    ),
    AlertCondition(
        "token_refresh_failing",
        "critical",
        10,
        "failed refreshes in an hour",
        lambda s: AlertQueries(s).count_failed_attempts("accounts", within=HOUR),
    ),
    AlertCondition(
        "token_refresh_other_account",
        "critical",
        0,
        "refreshes in two hours that answered with the tokens of another account",
        lambda s: AlertQueries(s).count_failed_attempts(
            "accounts", within=2 * HOUR, code=OTHER_ACCOUNT
        ),
    ),
    AlertCondition(
        "crypto_error",
        "critical",
        0,
        "accounts whose tokens cannot be decrypted",
        lambda s: AlertQueries(s).count_accounts([AccountStatus.CRYPTO_ERROR]),
    ),
    AlertCondition(
        "scheduler_lag", "warning", 180, "seconds since the last tick of beat", tick_age_seconds
    ),
    AlertCondition(
        "worker_silent", "critical", 0, "queues that no worker consumes", count_silent_queues
    ),
)


def check_alerts(database: Database) -> AlertCheckResult:
    """Check every condition, and open or resolve its alert."""
    with database.transaction() as session:
        opened = sum(update_alert(session, condition) for condition in ALERT_CONDITIONS)
        return AlertCheckResult(opened, len(Alerts(session).list_open()))


def update_alert(session: Session, condition: AlertCondition) -> bool:
    """Open or resolve the alert of one condition. Return whether it was opened now."""
    measured = condition.measure(session)
    if measured <= condition.limit:
        if Alerts(session).auto_resolve(condition.name):
            log.info("alert.resolved", name=condition.name)
        return False
    details = {"measured": round(measured, 1), "limit": condition.limit, "unit": condition.unit}
    is_new = Alerts(session).open(condition.name, condition.severity, details)
    if is_new:
        log.error("alert.opened", name=condition.name, severity=condition.severity, **details)
    return is_new


def resolve_alert(session: Session, alert_id: int, *, user_id: int) -> Alert:
    """Resolve an alert because a user says so. Errors: NotFound."""
    Alerts(session).resolve(alert_id, user_id=user_id)
    alert = Alerts(session).get(alert_id)
    if alert is None:
        raise NotFound(f"there is no alert {alert_id}")
    session.refresh(alert)
    return alert
