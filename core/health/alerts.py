"""What operators have to know of: conditions as a table, opened and ended by how things stand.

Looks at rows alone. Must not mend anything; what to do is in docs/operations.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.errors import NotFound
from core.health.readiness import QUEUES
from core.webhooks.deliveries import UNREADABLE
from db.accounts import AccountStatus
from db.alerts import Alert, Alerts
from db.beats import Beats
from db.session import Database, Session
from db.symptoms import Symptoms

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SILENT = 3 * timedelta(seconds=10)  # canaries sing every ten

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Condition:
    """`measure` says how bad it is, in `unit`; above `limit` it is an alert."""

    name: str
    severity: str
    limit: float
    unit: str
    measure: Callable[[Session], float]


@dataclass(frozen=True)
class Found:
    opened: int
    active: int


def failure_share(session: Session) -> float:
    """Of the posts that ended in a quarter of an hour; nothing is said of ten or fewer."""
    ended, failed = Symptoms(session).ended(within=15 * MINUTE)
    return 100 * failed / ended if ended > 10 else 0.0  # noqa: PLR2004 - contract T15.4


def slowness(session: Session) -> float:
    count, slowest = Symptoms(session).latency(within=10 * MINUTE)
    return slowest.total_seconds() if count > 5 else 0.0  # noqa: PLR2004 - contract T15.4


def tick_age(session: Session) -> float:
    age = Beats(session).age("tick")
    return age.total_seconds() if age else 0.0


def silent_queues(session: Session) -> float:
    """Queues with due work whose canary was once heard and is not any more."""
    ages = {kind: Beats(session).age(f"canary:{kind}") for kind in QUEUES}
    return sum(
        age is not None and age > SILENT and QUEUES[kind].oldest(session) is not None
        for kind, age in ages.items()
    )


CONDITIONS = (
    Condition("dead_letters", "warning", 0, "events", lambda s: Symptoms(s).dead_letters()),
    Condition(
        "webhook_unreadable",
        "warning",
        0,
        "deliveries within an hour",
        lambda s: Symptoms(s).unreadable(UNREADABLE, within=HOUR),
    ),
    Condition(
        "webhook_backlog",
        "error",
        100,
        "events due for five minutes",
        lambda s: Symptoms(s).backlog(older_than=5 * MINUTE),
    ),
    Condition("high_webhook_latency", "warning", 5, "seconds, 95th percentile", slowness),
    Condition("upload_failure_rate", "error", 5, "percent of posts", failure_share),
    Condition(
        "unconfirmed_posts",
        "warning",
        0,
        "posts in doubt for an hour",
        lambda s: Symptoms(s).unconfirmed(older_than=HOUR),
    ),
    Condition(
        "token_refresh_failure",
        "warning",
        3,
        "failed refreshes in 15 minutes",
        lambda s: Symptoms(s).failed_tries("accounts", within=15 * MINUTE),
    ),
    Condition(
        "token_refresh_failing",
        "critical",
        10,
        "failed refreshes in an hour",
        lambda s: Symptoms(s).failed_tries("accounts", within=HOUR),
    ),
    Condition(
        "crypto_error",
        "critical",
        0,
        "accounts whose tokens do not open",
        lambda s: Symptoms(s).accounts([AccountStatus.CRYPTO_ERROR]),
    ),
    Condition("scheduler_lag", "warning", 180, "seconds since beat was heard", tick_age),
    Condition("worker_silent", "critical", 0, "queues that nobody listens to", silent_queues),
)
"""Source: contract T15.4, those that the database can answer."""


def check(database: Database) -> Found:
    """Look at every condition: open what is new, end what is over."""
    with database.transaction() as session:
        opened = sum(settle(session, condition) for condition in CONDITIONS)
        return Found(opened, len(Alerts(session).active()))


def settle(session: Session, condition: Condition) -> bool:
    """Whether it opened just now."""
    measured = condition.measure(session)
    if measured <= condition.limit:
        if Alerts(session).end(condition.name):
            log.info("alert.over", name=condition.name)
        return False
    details = {"measured": round(measured, 1), "limit": condition.limit, "unit": condition.unit}
    is_new = Alerts(session).open(condition.name, condition.severity, details)
    if is_new:
        log.error("alert.open", name=condition.name, severity=condition.severity, **details)
    return is_new


def resolve(session: Session, alert_id: int, *, user_id: int) -> Alert:
    """Somebody has dealt with it. Errors: NotFound."""
    Alerts(session).resolve(alert_id, user_id=user_id)
    found = Alerts(session).get(alert_id)
    if found is None:
        raise NotFound
    session.refresh(found)
    return found
