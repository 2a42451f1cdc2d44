"""What each alert is about, in words, and the page that shows more of it."""

from collections.abc import Mapping
from typing import Any

from flask import url_for

from app.http.i18n import gettext_noop, translate_text
from db.ops.alerts import Alert

ALERT_TITLES = {
    "database": gettext_noop("The database cannot be written"),
    "broker_unreachable": gettext_noop("The broker does not answer"),
    "redis_unreachable": gettext_noop("Redis does not answer"),
    "scheduler_lag": gettext_noop("Beat does not tick"),
    "worker_silent": gettext_noop("A queue has no worker"),
    "work_overdue": gettext_noop("Work is overdue"),
    "paused_for_long": gettext_noop("A platform or a queue is paused for more than an hour"),
    "clock_skew": gettext_noop("The clocks of this machine and the database differ"),
    "replica_left_out": gettext_noop("No list is read from the replica of the database"),
    "standby_lost": gettext_noop("A synchronous standby of the database is missing"),
    "media_store_full": gettext_noop("The room for media files is nearly used up"),
    "dead_letters": gettext_noop("Webhook events could not be applied"),
    "webhook_unreadable": gettext_noop("Signed deliveries could not be read"),
    "webhook_unknown_path": gettext_noop("Deliveries arrive at an address that does not exist"),
    "webhook_backlog": gettext_noop("Webhook events wait for too long"),
    "high_webhook_latency": gettext_noop("Webhook events are applied slowly"),
    "upload_failure_rate": gettext_noop("Many posts fail"),
    "unconfirmed_posts": gettext_noop("Posts are unconfirmed for more than an hour"),
    "oauth_failures": gettext_noop("Many attempts to connect an account fail"),
    "token_refresh_failure": gettext_noop("Tokens of some accounts could not be renewed"),
    "token_refresh_failing": gettext_noop("Tokens of many accounts cannot be renewed"),
    "token_refresh_other_account": gettext_noop("A renewal returned tokens of another account"),
    "grants_removed": gettext_noop("A platform has ended the connections of many accounts"),
    "tokens_expired": gettext_noop("Access tokens of live accounts have ended"),
    "crypto_error": gettext_noop("Tokens of accounts cannot be decrypted"),
    "reading_paused": gettext_noop("Reading numbers and comments is paused for some accounts"),
    "endpoints_failing": gettext_noop("Endpoints of host applications have failed for an hour"),
    "notices_undelivered": gettext_noop("Notices about alerts cannot be delivered"),
    "conditions_unjudged": gettext_noop("Some alert conditions cannot be measured"),
}
ALERT_COLOURS = {"warning": "wait", "error": "bad", "critical": "bad"}
SEVERITY_LABELS = {
    "warning": gettext_noop("Warning"),
    "error": gettext_noop("Error"),
    "critical": gettext_noop("Critical"),
}
EVENT_ALERTS: Mapping[str, dict[str, Any]] = {
    "dead_letters": {"status": "dead"},
    "webhook_unreadable": {"type": "unreadable"},
    "webhook_backlog": {"status": "pending"},
    "high_webhook_latency": {},
}
QUEUE_ALERTS = frozenset({"worker_silent", "work_overdue", "scheduler_lag"})


def alert_title(alert: Alert) -> str:
    return translate_text(ALERT_TITLES.get(alert.name, alert.name))


def alert_url(alert: Alert) -> str | None:
    """The page that shows what the alert is about, if there is one."""
    if alert.name in EVENT_ALERTS:
        return url_for("event_pages.list_events", **EVENT_ALERTS[alert.name])
    return url_for("queue_pages.list_queues") if alert.name in QUEUE_ALERTS else None
