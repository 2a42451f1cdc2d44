"""Discards of dead letters in three steps: count them, confirm the count, perhaps take it back."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, require_login
from app.http.i18n import translate_text
from app.pages.operator.event_filters import EventSelection, form_fields, read_selection
from app.pages.operator.replays import MAX_UNTYPED_EVENTS, find_fault, read_batch_time, refuse_slow
from core import webhooks
from db.statement_limits import SearchTooSlow, search_limits
from db.webhooks.discards import EventDiscards
from db.webhooks.events import EventFilter
from db.webhooks.replays import MAX_COUNTED_EVENTS, EventSummary

blueprint = Blueprint("discard_pages", __name__)


@blueprint.get("/admin/events/discard")
@require_login("admin")
def prepare_discard() -> str | Response:
    """Count the dead letters that would be discarded, before it starts."""
    selection = read_selection()
    if not selection.is_bounded:
        return refuse_unbounded()
    try:
        return render_step(selection, count_dead_letters(selection.event_filter))
    except SearchTooSlow:
        return refuse_slow(selection)


@blueprint.post("/admin/events/discard")
@require_login("admin")
def discard_selected() -> str | Response | tuple[str, int]:
    """Discard the selected dead letters, if the count still is the one that was confirmed."""
    selection = read_selection(request.form)
    if not selection.is_bounded:
        return refuse_unbounded()
    try:
        summary = count_dead_letters(selection.event_filter)
    except SearchTooSlow:
        return refuse_slow(selection)
    fault = find_fault(summary)
    if fault is not None:
        return render_step(selection, summary, fault=fault), 400
    discarded = webhooks.discard_events(
        current_container().database, selection.event_filter, limit=MAX_COUNTED_EVENTS
    )
    return redirect(url_for("discard_pages.show_discard", at=discarded.at.isoformat()))


@blueprint.get("/admin/events/discards")
@require_login("admin")
def show_discard() -> str:
    """Show how many dead letters were discarded at a time, and take it back if wanted."""
    at = read_batch_time(request.args)
    with current_container().database.transaction() as session:
        count = 0 if at is None else EventDiscards(session).count_discarded(at)
    return render_template("operator/discarded.html", at=at, count=count)


@blueprint.post("/admin/events/discards/undo")
@require_login("admin")
def undo_discard() -> Response:
    """Make dead letters again of what was discarded at a time."""
    at = read_batch_time(request.form)
    count = 0 if at is None else len(webhooks.restore_events(current_container().database, at))
    if count:
        flash(
            translate_text("These events are dead letters again: %(count)d.", count=count), "good"
        )
    else:
        flash(translate_text("Nothing is marked with this discard any more."), "bad")
    return redirect(url_for("event_pages.list_events", status="dead"))


def refuse_unbounded() -> Response:
    flash(translate_text("Choose dead letters before you discard."), "bad")
    return redirect(url_for("event_pages.list_events", status="dead"))


def count_dead_letters(event_filter: EventFilter) -> EventSummary:
    """Errors: SearchTooSlow."""
    with current_container().database.transaction() as session, search_limits(session):
        return EventDiscards(session).summarize(event_filter)


def render_step(
    selection: EventSelection, summary: EventSummary, *, fault: str | None = None
) -> str:
    return render_template(
        "operator/prepare_discard.html",
        summary=summary,
        chips=selection.describe(),
        chosen=len(selection.event_filter.ids or ()),
        fields=form_fields(selection),
        must_type=summary.matches > MAX_UNTYPED_EVENTS,
        errors=[("typed_count" if summary.matches else "", fault)] if fault else [],
        back_url=url_for("event_pages.list_events", **{"status": "dead", **selection.values}),
    )
