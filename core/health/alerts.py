"""What operators have to know of: conditions as a table, opened and ended by how things stand.

Looks at rows alone. Must not mend anything; what to do is in docs/operations.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.errors import NotFound
from core.health.readiness import QUEUES
from core.webhooks.receive import UNREADABLE_EVENT_TYPE
from db.accounts.accounts import AccountStatus
from db.ops.alerts import Alert, Alerts
from db.ops.gauges import AlertQueries
from db.ops.heartbeats import Heartbeats
from db.session import Database, Session

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CANARY_TIMEOUT = 3 * timedelta(seconds=10)  # canaries sing every ten

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class AlertCondition:
    """`measure` says how bad it is, in `unit`; above `limit` it is an alert."""

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
    """Of the posts that ended in a quarter of an hour; nothing is said of ten or fewer."""
    ended, failed = AlertQueries(session).count_finished_posts(within=15 * MINUTE)
    return 100 * failed / ended if ended > 10 else 0.0


def webhook_latency_seconds(session: Session) -> float:
    count, slowest = AlertQueries(session).first_attempt_latency(within=10 * MINUTE)
    return slowest.total_seconds() if count > 5 else 0.0


def tick_age_seconds(session: Session) -> float:
    age = Heartbeats(session).age("tick")
    return age.total_seconds() if age else 0.0


def count_silent_queues(session: Session) -> float:
    """Queues with due work whose canary was once heard and is not any more."""
    ages = {kind: Heartbeats(session).age(f"canary:{kind}") for kind in QUEUES}
    return sum(
        age is not None and age > CANARY_TIMEOUT and QUEUES[kind].oldest_due_at(session) is not None
        for kind, age in ages.items()
    )


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
        "posts in doubt for an hour",
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
        "crypto_error",
        "critical",
        0,
        "accounts whose tokens do not open",
        lambda s: AlertQueries(s).count_accounts([AccountStatus.CRYPTO_ERROR]),
    ),
    AlertCondition(
        "scheduler_lag", "warning", 180, "seconds since beat was heard", tick_age_seconds
    ),
    AlertCondition(
        "worker_silent", "critical", 0, "queues that nobody listens to", count_silent_queues
    ),
)
"""Source: contract T15.4, those that the database can answer."""


def check_alerts(database: Database) -> AlertCheckResult:
    """Look at every condition: open what is new, end what is over."""
    with database.transaction() as session:
        opened = sum(update_alert(session, condition) for condition in ALERT_CONDITIONS)
        return AlertCheckResult(opened, len(Alerts(session).list_open()))


def update_alert(session: Session, condition: AlertCondition) -> bool:
    """Whether it opened just now."""
    measured = condition.measure(session)
    if measured <= condition.limit:
        if Alerts(session).auto_resolve(condition.name):
            log.info("alert.resolved", name=condition.name)
        return False
    details = {"measured": round(measured, 1), "limit": condition.limit, "unit": condition.unit}
    is_new = Alerts(session).open(condition.name, condition.severity, details)
    if is_new:
        log.error("alert.open", name=condition.name, severity=condition.severity, **details)
    return is_new


def resolve_alert(session: Session, alert_id: int, *, user_id: int) -> Alert:
    """Somebody has dealt with it. Errors: NotFound."""
    Alerts(session).resolve(alert_id, user_id=user_id)
    alert = Alerts(session).get(alert_id)
    if alert is None:
        raise NotFound
    session.refresh(alert)
    return alert
