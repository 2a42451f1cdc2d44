"""What replays and discards share: events are selected, counted, and the count is confirmed."""

from collections.abc import Callable
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from app.http.context import current_container
from app.http.i18n import translate_text
from app.pages.operator.event_filters import EventSelection, form_fields
from core.validation import clamp_time
from db.session import Session
from db.statement_limits import SearchTooSlow, search_limits
from db.webhooks.events import EventFilter
from db.webhooks.replays import EventSummary

MAX_UNTYPED_EVENTS = 100
"""Above this, the number of events has to be typed before they are replayed or discarded."""


def count_selection(
    selection: EventSelection, summarize: Callable[[Session, EventFilter], EventSummary]
) -> EventSummary | Response:
    """Count what is selected; if that takes too long, return to the list and say so."""
    try:
        with current_container().database.transaction() as session, search_limits(session):
            return summarize(session, selection.event_filter)
    except SearchTooSlow:
        flash(
            translate_text("This filter takes too long. Choose a shorter time with From and To."),
            "bad",
        )
        return redirect(url_for("event_pages.list_events", **selection.values))


def find_fault(matches: int) -> str | None:
    """Why so many events are not replayed or discarded now, in words."""
    if matches == 0:
        return translate_text("No events match any more.")
    if matches <= MAX_UNTYPED_EVENTS:
        return None
    typed = request.form.get("typed_count", "").strip()
    if typed == str(matches):
        return None
    return translate_text("Type the number of events, %(count)d, to confirm.", count=matches)


def render_count(
    template: str,
    selection: EventSelection,
    summary: EventSummary,
    *,
    back_url: str,
    fault: str | None = None,
) -> str:
    """Render the page that shows the count and asks for its confirmation."""
    return render_template(
        template,
        summary=summary,
        chips=selection.describe(),
        chosen=len(selection.event_filter.ids or ()),
        fields=form_fields(selection),
        must_type=summary.matches > MAX_UNTYPED_EVENTS,
        errors=[("typed_count" if summary.matches else "", fault)] if fault else [],
        back_url=back_url,
    )


def read_batch_time(values: MultiDict[str, str]) -> datetime | None:
    """Return the time that marks a replay or a discard; None without a valid one."""
    try:
        at = datetime.fromisoformat(values.get("at", ""))
    except ValueError:
        return None
    return None if at.tzinfo is None else clamp_time(at)
