"""Replays of webhook events in three steps: count them, confirm the count, follow the result."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_rendered
from app.http.i18n import translate_text
from app.pages.badges import localize_badge
from app.pages.operator.counted_selections import (
    count_selection,
    find_fault,
    read_batch_time,
    render_count,
)
from app.pages.operator.event_filters import EventSelection, read_selection
from app.pages.operator.event_texts import EVENT_BADGES
from core import webhooks
from db.webhooks.replays import MAX_COUNTED_EVENTS, EventReplays, EventSummary

UNSETTLED_STATUSES = frozenset({"pending"})

blueprint = Blueprint("replay_pages", __name__)


@blueprint.get("/admin/events/replay")
@require_login("admin")
def prepare_replay() -> str | Response:
    """Count what a replay would apply again, before it starts."""
    selection = read_selection()
    summary = count_replayable(selection)
    return summary if isinstance(summary, Response) else render_step(selection, summary)


@blueprint.post("/admin/events/replay")
@require_login("admin")
def start_replay() -> str | Response | tuple[str, int]:
    """Replay the selected events, if the count still is the one that was confirmed."""
    selection = read_selection(request.form)
    summary = count_replayable(selection)
    if isinstance(summary, Response):
        return summary
    fault = find_fault(summary.matches)
    if fault is not None:
        return render_step(selection, summary, fault=fault), 400
    replayed = webhooks.replay_events(
        current_container().database,
        selection.event_filter,
        user_id=current_principal().user_id,
        limit=MAX_COUNTED_EVENTS,
    )
    current_container().services.wake("webhooks")
    return redirect(
        url_for(
            "replay_pages.show_replay",
            at=replayed.at.isoformat(),
            rest="1" if summary.capped else None,
        )
    )


@blueprint.get("/admin/events/replays")
@require_login("admin")
def show_replay() -> str:
    """Show what has become of the events that were replayed at a time."""
    return render_template("operator/replay.html", **load_progress())


@blueprint.get("/admin/events/replays/state")
@require_login("admin")
def show_replay_state() -> Response:
    """Show the changing part of the page, for the script that refreshes it."""
    return answer_rendered(render_template("operator/_replay.html", **load_progress()))


def count_replayable(selection: EventSelection) -> EventSummary | Response:
    """Count what would be replayed, or return to the list and say why that cannot be done."""
    if selection.is_bounded:
        return count_selection(
            selection, lambda session, which: EventReplays(session).summarize(which)
        )
    flash(
        translate_text("Choose dead letters, single events or a first day before you replay."),
        "bad",
    )
    return redirect(url_for("event_pages.list_events", **read_selection().values))


def render_step(
    selection: EventSelection, summary: EventSummary, *, fault: str | None = None
) -> str:
    back_url = url_for("event_pages.list_events", **selection.values)
    return render_count(
        "operator/prepare_replay.html", selection, summary, back_url=back_url, fault=fault
    )


def load_progress() -> dict[str, Any]:
    at = read_batch_time(request.args)
    counts: dict[str, int] = {}
    if at is not None:
        with current_container().database.transaction() as session:
            counts = EventReplays(session).count_by_status(at)
    return {
        "at": at,
        "total": sum(counts.values()),
        "waiting": counts.get("pending", 0),
        "states": [
            (localize_badge(badge), counts[status])
            for status, badge in EVENT_BADGES.items()
            if status in counts
        ],
        "is_final": not UNSETTLED_STATUSES & counts.keys(),
        "has_rest": request.args.get("rest") == "1",
        "query": request.args.to_dict(),
    }
