"""Queues and workers: all queues, and what waits or is in work in one of them."""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template

from app.http.context import current_container, require_login
from app.pages.operator.monitoring import describe_overview, load_overview
from app.pages.operator.pauses import pause_fields
from core.errors import NotFound
from core.health.queues import QUEUE_NAMES
from core.health.readiness import QUEUES
from db.leases import JobColumns
from db.pauses import Pauses
from db.session import database_now

MAX_LISTED_ROWS = 100

blueprint = Blueprint("queue_pages", __name__)


@blueprint.get("/admin/queues")
@require_login("admin")
def list_queues() -> str:
    """List the queues and the workers."""
    with current_container().database.transaction() as session:
        pauses = Pauses(session).list_all()
    return render_template(
        "operator/queues.html",
        flower_url=current_container().settings.flower_url,
        **pause_fields(pauses),
        **describe_overview(load_overview()),
    )


@blueprint.get("/admin/queues/<name>")
@require_login("admin")
def show_queue(name: str) -> str:
    """Show the rows of a queue that are due or in work, the oldest first."""
    if name not in QUEUE_NAMES:
        raise NotFound("there is no queue of this name")
    fields = describe_overview(load_overview())
    queue = next(each for each in fields["queues"] if each["name"] == name)
    rows: list[dict[str, Any]] = []
    if name in QUEUES:
        with current_container().database.transaction() as session:
            now = database_now(session)
            found = QUEUES[name].list_unfinished(session, limit=MAX_LISTED_ROWS + 1)
            rows = [describe_row(row, now) for row in found]
    return render_template(
        "operator/queue.html",
        queue=queue,
        rows=rows[:MAX_LISTED_ROWS],
        has_more=len(rows) > MAX_LISTED_ROWS,
        has_rows=name in QUEUES,
        is_events=name == "webhooks",
    )


def describe_row(row: JobColumns, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "due_at": row.due_at,
        "leased_until": row.leased_until,
        "is_held": row.leased_until is not None and row.leased_until >= now,
        "attempts": row.attempts,
        "error": row.last_error,
    }
