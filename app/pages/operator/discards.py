"""Discards of dead letters in three steps: count them, confirm the count, perhaps take it back."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, require_login
from app.http.i18n import translate_text
from app.pages.operator.counted_selections import (
    count_selection,
    find_fault,
    read_batch_time,
    render_count,
)
from app.pages.operator.event_filters import EventSelection, read_selection
from core import webhooks
from db.webhooks.discards import EventDiscards
from db.webhooks.replays import MAX_COUNTED_EVENTS, EventSummary

blueprint = Blueprint("discard_pages", __name__)


@blueprint.get("/admin/events/discard")
@require_login("admin")
def prepare_discard() -> str | Response:
    """Count the dead letters that would be discarded, before it starts."""
    selection = read_selection()
    summary = count_discardable(selection)
    return summary if isinstance(summary, Response) else render_step(selection, summary)


@blueprint.post("/admin/events/discard")
@require_login("admin")
def discard_selected() -> str | Response | tuple[str, int]:
    """Discard the selected dead letters, if the count still is the one that was confirmed."""
    selection = read_selection(request.form)
    summary = count_discardable(selection)
    if isinstance(summary, Response):
        return summary
    fault = find_fault(summary.matches)
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


def count_discardable(selection: EventSelection) -> EventSummary | Response:
    """Count what would be discarded, or return to the list and say why that cannot be done."""
    if selection.is_bounded:
        return count_selection(
            selection, lambda session, which: EventDiscards(session).summarize(which)
        )
    flash(translate_text("Choose dead letters before you discard."), "bad")
    return redirect(url_for("event_pages.list_events", status="dead"))


def render_step(
    selection: EventSelection, summary: EventSummary, *, fault: str | None = None
) -> str:
    back_url = url_for("event_pages.list_events", **{"status": "dead", **selection.values})
    return render_count(
        "operator/prepare_discard.html", selection, summary, back_url=back_url, fault=fault
    )
