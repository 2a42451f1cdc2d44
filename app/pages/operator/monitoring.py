"""Is everything moving? One sentence, a few figures, the queues, the workers and the alerts."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import Badge, localize_badge
from app.pages.operator.activity import describe_activity
from app.pages.operator.alert_texts import (
    ALERT_COLOURS,
    SEVERITY_LABELS,
    alert_title,
    alert_url,
)
from app.pages.operator.durations import NO_VALUE, format_seconds
from app.pages.operator.sparkline import draw_points
from app.pages.operator.status_report import build_report_text
from core.health import alerts, notices
from core.health.notices import MANUAL_SECTION
from core.health.overview import InstallationOverview, Level, read_overview
from core.health.queues import MAX_COUNTED_ROWS, QueueState, QueueStatus
from core.health.readiness import TICK_TIMEOUT
from db.ops.alerts import Alert, Alerts

MAX_LISTED_ALERTS = 200
UNSETTLED_P95 = 5  # seconds, as the alert `high_webhook_latency`

QUEUE_BADGES = {
    QueueState.MOVING: Badge("good", gettext_noop("Moving"), "circle-check"),
    QueueState.BEHIND: Badge("wait", gettext_noop("Behind"), "triangle-alert"),
    QueueState.SILENT: Badge("bad", gettext_noop("No worker answers"), "circle-x"),
    QueueState.UNKNOWN: Badge("calm", gettext_noop("Not started yet"), "clock"),
}
LEVEL_ICONS = {
    Level.GOOD: "circle-check",
    Level.WAIT: "triangle-alert",
    Level.BAD: "circle-x",
}

blueprint = Blueprint("monitoring_pages", __name__)


@blueprint.get("/monitoring")
@require_login("admin")
def show_monitoring() -> str:
    """Show whether everything is moving."""
    return render_template(
        "operator/monitoring.html",
        **describe_page(),
        is_paused=request.args.get("updates") == "off",
    )


@blueprint.get("/monitoring/state")
@require_login("admin")
def show_monitoring_state() -> str:
    """Show the changing part of the page, for the script that refreshes it."""
    return render_template("operator/_monitoring.html", **describe_page())


@blueprint.get("/monitoring/alerts")
@require_login("admin")
def list_alerts() -> str:
    """List the latest alerts, open and resolved."""
    with current_container().database.transaction() as session:
        rows = Alerts(session).list_latest(limit=MAX_LISTED_ALERTS)
    return render_template("operator/alerts.html", alerts=[describe_alert(row) for row in rows])


@blueprint.post("/monitoring/alerts/<int:alert_id>/resolve")
@require_login("admin")
def resolve_alert(alert_id: int) -> Response:
    """Resolve an alert; it opens again if its condition still holds."""
    rules = notices.load_rules(current_container().settings)
    with current_container().database.transaction() as session:
        alerts.resolve_alert(session, alert_id, user_id=current_principal().user_id, rules=rules)
    flash(
        translate_text("The alert is resolved. It opens again if its cause is still there."),
        "good",
    )
    return redirect(url_for("monitoring_pages.show_monitoring"))


def describe_page() -> dict[str, Any]:
    return {**describe_overview(load_overview()), **describe_activity()}


def load_overview() -> InstallationOverview:
    container = current_container()
    return read_overview(
        container.database,
        container.services,
        readiness=container.readiness,
        status=container.status,
        throughput=container.throughput,
    )


def describe_overview(overview: InstallationOverview) -> dict[str, Any]:
    return {
        "level": overview.level,
        "level_icon": LEVEL_ICONS[overview.level],
        "sentence": describe_level(overview),
        "detail": describe_detail(overview),
        "reasons": overview.status.reasons,
        "read_at": overview.queues.read_at,
        "tiles": build_tiles(overview),
        "queues": [describe_queue(each, overview) for each in overview.queues.queues],
        "workers": overview.queues.workers,
        "alerts": [describe_alert(alert) for alert in overview.alerts],
        "report_text": build_report_text(overview),
    }


def describe_level(overview: InstallationOverview) -> str:
    """The one sentence: what stands still, what is behind, or that everything is moving."""
    if not overview.has_broker:
        return translate_text("The broker does not answer.")
    if overview.silent_queues:
        names = ", ".join(each.name for each in overview.silent_queues)
        return translate_text("No worker answers for: %(names)s.", names=names)
    if overview.behind_queues:
        names = ", ".join(each.name for each in overview.behind_queues)
        return translate_text("Work is behind in: %(names)s.", names=names)
    if overview.level is Level.GOOD:
        return translate_text("Everything is moving.")
    if overview.alerts:
        return translate_text("Work is moving, and alerts are open.")
    return translate_text("Work is moving, but something needs a look.")


def describe_detail(overview: InstallationOverview) -> str:
    if overview.silent_queues:
        oldest = max(each.canary_age for each in overview.silent_queues if each.canary_age)
        return translate_text(
            "The last answer came %(age)s ago. What is due waits, and is done when a worker is"
            " back. Nothing is lost.",
            age=format_seconds(oldest.total_seconds()),
        )
    if overview.behind_queues:
        waited = max(
            overview.queues.read_at - each.oldest_due_at
            for each in overview.behind_queues
            if each.oldest_due_at
        )
        return translate_text(
            "The oldest work has waited for %(age)s. Nothing is lost.",
            age=format_seconds(waited.total_seconds()),
        )
    return ""


def build_tiles(overview: InstallationOverview) -> list[dict[str, Any]]:
    tick_age = overview.status.readiness.tick_age
    p95 = overview.measured.get("high_webhook_latency")
    return [
        {
            "number": NO_VALUE if tick_age is None else format_seconds(tick_age),
            "label": translate_text("Last tick of beat"),
            "is_good": tick_age is not None and tick_age <= TICK_TIMEOUT.total_seconds(),
            "url": url_for("queue_pages.list_queues"),
        },
        {
            "number": NO_VALUE if p95 is None else format_seconds(p95),
            "label": translate_text("Webhook to state, p95"),
            "is_good": p95 is None or p95 <= UNSETTLED_P95,
            "url": url_for("event_pages.list_events"),
        },
        *(
            {"number": number, "label": translate_text(label), "is_good": not number, "url": url}
            for number, label, url in list_counts(overview)
        ),
    ]


def list_counts(overview: InstallationOverview) -> list[tuple[int | str, str, str]]:
    """Numbers that should be 0, each with a label and the page that shows more of it."""
    dead = overview.dead_letters
    return [
        (
            overview.refused_today,
            gettext_noop("Refused deliveries today (UTC)"),
            url_for("event_pages.list_refusals"),
        ),
        (
            f"{dead.matches}+" if dead.capped else dead.matches,
            gettext_noop("Dead letters"),
            url_for("event_pages.list_events", status="dead"),
        ),
        (
            int(overview.measured.get("unconfirmed_posts", 0)),
            gettext_noop("Posts unconfirmed for an hour"),
            url_for("post_pages.list_posts", state="UNCONFIRMED"),
        ),
        (
            overview.open_circuits,
            gettext_noop("Open circuits"),
            url_for("platform_status_pages.show_platforms"),
        ),
    ]


def describe_queue(queue: QueueStatus, overview: InstallationOverview) -> dict[str, Any]:
    counts = None
    if overview.throughput is not None and queue.due is not None:
        counts = overview.throughput.list_counts(queue.name)
    waited = queue.oldest_due_at and overview.queues.read_at - queue.oldest_due_at
    return {
        "name": queue.name,
        "badge": localize_badge(QUEUE_BADGES[queue.state]),
        "due": describe_count(queue.due),
        "held": describe_count(queue.held),
        "oldest": format_seconds(waited.total_seconds()) if waited else NO_VALUE,
        "done": None if counts is None else sum(counts),
        "points": None if counts is None else draw_points(counts),
        "canary_age": queue.canary_age and format_seconds(queue.canary_age.total_seconds()),
    }


def describe_count(count: int | None) -> str:
    if count is None:
        return NO_VALUE
    return f"{MAX_COUNTED_ROWS}+" if count >= MAX_COUNTED_ROWS else str(count)


def describe_alert(alert: Alert) -> dict[str, Any]:
    details = alert.details
    return {
        "id": alert.id,
        "name": alert.name,
        "title": alert_title(alert),
        "colour": ALERT_COLOURS.get(alert.severity, "bad"),
        "severity": translate_text(SEVERITY_LABELS.get(alert.severity, alert.severity)),
        "measured": details.get("measured"),
        "limit": details.get("limit"),
        "unit": details.get("unit"),
        "opened_at": alert.opened_at,
        "resolved_at": alert.resolved_at,
        "url": alert_url(alert),
        "manual": MANUAL_SECTION + alert.name,
    }
