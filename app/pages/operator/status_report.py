"""The state of the installation as plain text, to be copied into an issue. No user data."""

from importlib.metadata import version

from app.pages.operator.durations import format_seconds
from core.health.overview import InstallationOverview
from core.validation import format_utc


def build_report_text(overview: InstallationOverview) -> str:
    readiness = overview.status.readiness
    lines = [
        f"signalpost {version('signalpost')}, {format_utc(overview.queues.read_at)}",
        f"state: {overview.level}",
        f"database: {'ok' if readiness.database else readiness.database_fault}",
        f"broker: {'ok' if readiness.broker else 'no answer'}",
        f"migration: {readiness.migration}",
        *(f"platform {name}: {state}" for name, state in readiness.platforms.items()),
        "",
        *list_queue_lines(overview),
        "",
        *(
            f"worker {each.name}: {format_seconds(each.age.total_seconds())} ago"
            for each in overview.queues.workers
        ),
        "",
        *(f"reason: {reason}" for reason in overview.status.reasons),
    ]
    return "\n".join(lines).strip()


def list_queue_lines(overview: InstallationOverview) -> list[str]:
    lines = []
    for queue in overview.queues.queues:
        age = queue.canary_age
        canary = "none" if age is None else f"{format_seconds(age.total_seconds())} ago"
        due = "" if queue.due is None else f", {queue.due} due, {queue.held} held"
        lines.append(f"queue {queue.name}: {queue.state}{due}, canary {canary}")
    return lines
