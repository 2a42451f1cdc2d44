"""Measures of conditions that count rows: events, posts, refreshes, endpoints, notices."""

from datetime import timedelta

from core.accounts.grant_lifecycle import REVOKED_ACTION
from core.accounts.refresh_calls import OTHER_ACCOUNT
from core.bootstrap import Services
from core.health.measurement import Measurement, share_measurement
from core.webhooks.receive import UNREADABLE_EVENT_TYPE
from db.accounts.accounts import AccountStatus
from db.ops.alert_conditions import ConditionStates
from db.ops.alert_notices import list_failing_sinks
from db.ops.alert_queries import AlertQueries
from db.session import Session

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# A percentage or a percentile of so few rows, or fewer, would open alerts by chance.
MIN_FINISHED_POSTS, MIN_LATENCY_EVENTS = 10, 5
MIN_FAILED_POSTS = 2  # a single post is its creator's, whatever the percentage

REFRESH_WARNING_PERCENT, REFRESH_CRITICAL_PERCENT = 10.0, 25.0
"""Of the accounts that were refreshed in the window. 10,000 accounts make 109 refreshes in a
quarter of an hour: 3 of them are 2.8 per cent, and no outage."""

REMOVED_PERCENT = 1.0
"""Of the grants of a platform, in an hour. People who leave by themselves, 5 % a month, are 1 of
10,000 in an hour."""

UNCONFIRMED_PERCENT = 0.1  # of the posts of a day; with fewer than 1,000 posts the first one counts
CONNECT_PERCENT = 20.0  # of those who connected an account, or tried to
EXPIRED_PERCENT = 0.1  # of the live accounts
PAUSED_PERCENT = 20.0  # of the accounts that are read
ENDPOINT_PERCENT = 20.0  # of the enabled endpoints: the servers of others fail alone, not together
FAILED_DELIVERY_ATTEMPTS = 4  # of a notice, within a minute


def count_dead_events(session: Session, _services: Services) -> Measurement:
    codes = AlertQueries(session).dead_events()
    return Measurement(sum(codes.values()), {"codes": codes})


def count_unreadable_deliveries(session: Session, _services: Services) -> Measurement:
    return Measurement(AlertQueries(session).count_unreadable(UNREADABLE_EVENT_TYPE, within=HOUR))


def count_backlog(session: Session, _services: Services) -> Measurement:
    return Measurement(AlertQueries(session).count_backlog(older_than=5 * MINUTE))


def measure_webhook_latency(session: Session, _services: Services) -> Measurement:
    """95th percentile of the last ten minutes; 0 for five events or fewer. Units: seconds."""
    count, latency = AlertQueries(session).first_attempt_latency(within=10 * MINUTE)
    seconds = latency.total_seconds() if count > MIN_LATENCY_EVENTS else 0.0
    return Measurement(seconds, {"total": count})


def measure_failed_posts(session: Session, _services: Services) -> Measurement:
    """Percentage of failed posts in 15 minutes; 0 for ten posts or fewer, or one failed post."""
    failed = AlertQueries(session).failed_posts(within=15 * MINUTE)
    details = {"failed": failed.affected, "total": failed.total, "codes": failed.codes}
    if failed.total <= MIN_FINISHED_POSTS or failed.affected < MIN_FAILED_POSTS:
        return Measurement(0.0, details)
    return Measurement(100 * failed.affected / failed.total, details)


def count_unconfirmed_posts(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).unconfirmed_posts(older_than=HOUR, within=DAY)
    if counted.total == 0:
        return Measurement(counted.affected)
    return share_measurement(counted, above_percent=UNCONFIRMED_PERCENT)


def count_refused_connections(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).refused_connections(within=15 * MINUTE)
    return share_measurement(counted, above_percent=CONNECT_PERCENT)


def count_failed_refreshes(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).failed_rows("accounts", within=15 * MINUTE)
    return share_measurement(counted, above_percent=REFRESH_WARNING_PERCENT)


def count_failing_refreshes(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).failed_rows("accounts", within=HOUR)
    return share_measurement(counted, above_percent=REFRESH_CRITICAL_PERCENT)


def count_foreign_refreshes(session: Session, _services: Services) -> Measurement:
    """Refreshes that answered with the tokens of another account."""
    return Measurement(
        AlertQueries(session).count_failed_attempts("accounts", within=2 * HOUR, code=OTHER_ACCOUNT)
    )


def count_removed_grants(session: Session, _services: Services) -> Measurement:
    """Of the platform that has ended the most: accounts elsewhere say nothing about its share."""
    counted = AlertQueries(session).removed_grants(REVOKED_ACTION, within=HOUR)
    removed = [
        (share_measurement(share, above_percent=REMOVED_PERCENT), provider)
        for provider, share in counted.items()
    ]
    worst, provider = max(removed, key=lambda each: each[0].value, default=(Measurement(0.0), ""))
    return Measurement(worst.value, {"names": [provider], **worst.details} if worst.value else {})


def count_expired_tokens(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).expired_tokens(overdue=10 * MINUTE)
    return share_measurement(counted, above_percent=EXPIRED_PERCENT)


def count_crypto_errors(session: Session, _services: Services) -> Measurement:
    return Measurement(AlertQueries(session).count_accounts([AccountStatus.CRYPTO_ERROR]))


def count_paused_reading(session: Session, _services: Services) -> Measurement:
    return share_measurement(AlertQueries(session).paused_reading(), above_percent=PAUSED_PERCENT)


def count_failing_endpoints(session: Session, _services: Services) -> Measurement:
    counted = AlertQueries(session).failing_endpoints(longer_than=HOUR)
    return share_measurement(counted, above_percent=ENDPOINT_PERCENT)


def count_failing_sinks(session: Session, _services: Services) -> Measurement:
    """Sinks of notices that fail; the other sinks are notified of it."""
    failing = list_failing_sinks(session, min_attempts=FAILED_DELIVERY_ATTEMPTS)
    errors = {each.sink: each.last_error for each in failing}
    return Measurement(len(failing), {"errors": errors} if errors else {})


def count_unjudged_conditions(session: Session, _services: Services) -> Measurement:
    failed = ConditionStates(session).list_failed()
    return Measurement(
        len(failed), {"errors": {each.name: each.error for each in failed}} if failed else {}
    )
