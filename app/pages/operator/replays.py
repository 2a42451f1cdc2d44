"""Replays of webhook events in three steps: count them, confirm the count, follow the result."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_rendered
from app.http.i18n import translate_text
from app.pages.badges import localize_badge
from app.pages.operator.event_filters import EventSelection, form_fields, read_selection
from app.pages.operator.event_texts import EVENT_BADGES
from core import webhooks
from core.validation import clamp_time
from db.statement_limits import SearchTooSlow, search_limits
from db.webhooks.replays import MAX_COUNTED_EVENTS, EventReplays, EventSummary

MAX_UNTYPED_EVENTS = 100
"""Above this, the number of events has to be typed before they are replayed."""

UNSETTLED_STATUSES = frozenset({"pending"})

blueprint = Blueprint("replay_pages", __name__)


@blueprint.get("/admin/events/replay")
@require_login("admin")
def prepare_replay() -> str | Response:
    """Count what a replay would apply again, before it starts."""
    selection = read_selection()
    if not selection.is_bounded:
        return refuse_unbounded()
    try:
        return render_step(selection, count_events(selection))
    except SearchTooSlow:
        return refuse_slow(selection)


@blueprint.post("/admin/events/replay")
@require_login("admin")
def start_replay() -> str | Response | tuple[str, int]:
    """Replay the selected events, if the count still is the one that was confirmed."""
    selection = read_selection(request.form)
    if not selection.is_bounded:
        return refuse_unbounded()
    try:
        summary = count_events(selection)
    except SearchTooSlow:
        return refuse_slow(selection)
    fault = find_fault(summary)
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


def refuse_unbounded() -> Response:
    flash(
        translate_text("Choose dead letters, single events or a first day before you replay."),
        "bad",
    )
    return redirect(url_for("event_pages.list_events", **read_selection().values))


def refuse_slow(selection: EventSelection) -> Response:
    flash(
        translate_text("This filter takes too long. Choose a shorter time with From and To."),
        "bad",
    )
    return redirect(url_for("event_pages.list_events", **selection.values))


def count_events(selection: EventSelection) -> EventSummary:
    """Errors: SearchTooSlow."""
    with current_container().database.transaction() as session, search_limits(session):
        return EventReplays(session).summarize(selection.event_filter)


def find_fault(summary: EventSummary) -> str | None:
    """Why these events are not replayed or discarded now, in words."""
    if summary.matches == 0:
        return translate_text("No events match any more.")
    if summary.matches <= MAX_UNTYPED_EVENTS:
        return None
    typed = request.form.get("typed_count", "").strip()
    if typed == str(summary.matches):
        return None
    return translate_text(
        "Type the number of events, %(count)d, to confirm.", count=summary.matches
    )


def render_step(
    selection: EventSelection, summary: EventSummary, *, fault: str | None = None
) -> str:
    return render_template(
        "operator/prepare_replay.html",
        summary=summary,
        chips=selection.describe(),
        chosen=len(selection.event_filter.ids or ()),
        fields=form_fields(selection),
        must_type=summary.matches > MAX_UNTYPED_EVENTS,
        errors=[("typed_count" if summary.matches else "", fault)] if fault else [],
        back_url=url_for("event_pages.list_events", **selection.values),
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


def read_batch_time(values: MultiDict[str, str]) -> datetime | None:
    """Return the time that marks a replay or a discard; None without a valid one."""
    try:
        at = datetime.fromisoformat(values.get("at", ""))
    except ValueError:
        return None
    return None if at.tzinfo is None else clamp_time(at)
