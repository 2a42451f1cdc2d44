"""Failed deliveries of an endpoint are given up: counted, confirmed, and taken back if wanted."""

from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.endpoints import READ_SCOPES, WRITE_SCOPES
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import translate_text
from app.http.time_zones import current_zone
from app.pages.deliveries import default_since, endpoint_url, parse_day
from app.pages.operator.counted_selections import MAX_UNTYPED_EVENTS, find_fault, read_batch_time
from core import endpoints

blueprint = Blueprint("delivery_discard_pages", __name__)


@blueprint.get("/settings/endpoints/<int:endpoint_id>/discard")
@require_login(*READ_SCOPES)
def prepare_discard(endpoint_id: int) -> str:
    """Count what failed finally since a day, and ask whether it shall be given up."""
    return render_count(endpoint_id, parse_day(request.args.get("since", "")) or default_since())


@blueprint.post("/settings/endpoints/<int:endpoint_id>/discard")
@require_login(*WRITE_SCOPES)
def discard_dead(endpoint_id: int) -> Response | tuple[str, int]:
    """Give up what failed finally since a day, if the count still is the one that was confirmed."""
    since = parse_day(request.form.get("since", "")) or default_since()
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        count = endpoints.count_dead_deliveries(session, endpoint_id, user_id=user_id, since=since)
        fault = find_fault(min(count, endpoints.MAX_REDELIVERIES))
        if fault is None:
            at = endpoints.discard_dead(session, endpoint_id, user_id=user_id, since=since).at
    if fault is not None:
        return render_count(endpoint_id, since, fault=fault), 400
    return redirect(
        url_for("delivery_discard_pages.show_discard", endpoint_id=endpoint_id, at=at.isoformat())
    )


@blueprint.get("/settings/endpoints/<int:endpoint_id>/discards")
@require_login(*READ_SCOPES)
def show_discard(endpoint_id: int) -> str:
    """Show how many deliveries were given up at a time, and take it back if wanted."""
    at, user_id = read_batch_time(request.args), current_principal().user_id
    with current_container().database.transaction() as session:
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=user_id)
        count = 0
        if at is not None:
            count = endpoints.count_discarded(session, endpoint_id, user_id=user_id, at=at)
    return render_template("endpoint_discarded.html", endpoint=endpoint, at=at, count=count)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/discards/undo")
@require_login(*WRITE_SCOPES)
def undo_discard(endpoint_id: int) -> Response:
    """Make failed deliveries again of what was given up at a time."""
    at, user_id = read_batch_time(request.form), current_principal().user_id
    with current_container().database.transaction() as session:
        endpoints.get_endpoint(session, endpoint_id, user_id=user_id)
        count = 0
        if at is not None:
            restored = endpoints.restore_discarded(session, endpoint_id, user_id=user_id, at=at)
            count = len(restored)
    if count:
        text = translate_text("These deliveries count as failed again: %(count)d.", count=count)
        flash(text, "good")
    else:
        flash(translate_text("Nothing is marked with this discard any more."), "bad")
    return redirect(endpoint_url(endpoint_id, state="dead"))


def render_count(endpoint_id: int, since: datetime, *, fault: str | None = None) -> str:
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=user_id)
        found = endpoints.count_dead_deliveries(session, endpoint_id, user_id=user_id, since=since)
    count = min(found, endpoints.MAX_REDELIVERIES)
    return render_template(
        "endpoint_discard.html",
        endpoint=endpoint,
        since=since,
        since_day=since.astimezone(current_zone()).date(),
        count=count,
        is_more=found > count,
        must_type=count > MAX_UNTYPED_EVENTS,
        errors=[("typed_count" if count else "", fault)] if fault else [],
    )
