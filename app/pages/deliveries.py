"""The delivery log on an endpoint's page: filters, every try, and delivering again."""

from datetime import date, datetime, time, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.endpoints import READ_SCOPES, WRITE_SCOPES
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import find_plural_translation, gettext_noop, translate_text
from app.http.time_zones import current_zone
from app.http.validation import row_id_from_query
from app.pages.badges import Badge, localize_badge
from app.pages.code_view import highlight_code, highlight_json
from app.pages.formatting import TranslatePlural
from core import endpoints
from core.endpoints import DeliveryDetails
from core.errors import Conflict
from core.outbox import EVENT_TYPES
from core.outbox.enqueue import TEST_EVENT_TYPE
from core.validation import EARLIEST_TIME, LATEST_TIME
from db.outbox.delivery_log import DeliveryFilter, DeliveryState

blueprint = Blueprint("delivery_pages", __name__)

PAGE_SIZE = 20
DAY = timedelta(days=1)
DELIVERY_BADGES = {
    DeliveryState.DELIVERED: Badge("good", gettext_noop("Delivered"), "circle-check"),
    DeliveryState.WAITING: Badge("busy", gettext_noop("Waiting"), "hourglass"),
    DeliveryState.PAUSED: Badge("calm", gettext_noop("Paused"), "circle-pause"),
    DeliveryState.DEAD: Badge("bad", gettext_noop("Failed"), "circle-x"),
    DeliveryState.DISCARDED: Badge("calm", gettext_noop("Discarded"), "ban"),
}
CANNOT_REDELIVER_TEXT = gettext_noop(
    "This is not possible now: the endpoint is disabled, or the event is being delivered."
)
REDELIVERED_TEXT = gettext_noop("The event is being delivered again.")


@blueprint.post("/settings/endpoints/<int:endpoint_id>/deliveries/<int:delivery_id>")
@require_login(*WRITE_SCOPES)
def redeliver_event(endpoint_id: int, delivery_id: int) -> Response:
    """Deliver an event again under the same id."""
    try:
        with current_container().database.transaction() as session:
            endpoints.redeliver_message(session, delivery_id, user_id=current_principal().user_id)
    except Conflict:
        flash(translate_text(CANNOT_REDELIVER_TEXT), "bad")
    else:
        current_container().services.wake("outbox")
        flash(translate_text(REDELIVERED_TEXT), "good")
    return redirect(endpoint_url(endpoint_id))


@blueprint.get("/settings/endpoints/<int:endpoint_id>/redeliver")
@require_login(*READ_SCOPES)
def count_dead(endpoint_id: int) -> str:
    """Count what failed finally since a day, and ask whether it shall be delivered again."""
    since = read_day("since") or default_since()
    with current_container().database.transaction() as session:
        user_id = current_principal().user_id
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=user_id)
        count = endpoints.count_dead_deliveries(session, endpoint_id, user_id=user_id, since=since)
    return render_template(
        "endpoint_redeliver.html",
        endpoint=endpoint,
        since=since,
        since_day=since.astimezone(current_zone()).date(),
        count=min(count, endpoints.MAX_REDELIVERIES),
        is_more=count > endpoints.MAX_REDELIVERIES,
    )


@blueprint.post("/settings/endpoints/<int:endpoint_id>/redeliver")
@require_login(*WRITE_SCOPES)
def redeliver_dead(endpoint_id: int) -> Response:
    """Deliver again what failed finally since a day."""
    since = parse_day(request.form.get("since", "")) or default_since()
    try:
        with current_container().database.transaction() as session:
            count = endpoints.redeliver_dead(
                session, endpoint_id, user_id=current_principal().user_id, since=since
            )
    except Conflict:
        flash(translate_text(CANNOT_REDELIVER_TEXT), "bad")
    else:
        current_container().services.wake("outbox")
        flash(describe_redelivery(count, ngettext=find_plural_translation), "good")
    return redirect(endpoint_url(endpoint_id))


def describe_redelivery(count: int, *, ngettext: TranslatePlural) -> str:
    sentence = ngettext(
        "%(num)d event is being delivered again.",
        "%(num)d events are being delivered again.",
        count,
    )
    return sentence % {"num": count}


def delivery_page_fields(endpoint_id: int) -> dict[str, Any]:
    """Load a page of the log as the query string filters it. Errors: NotFound."""
    event, state = request.args.get("event") or None, request.args.get("state") or None
    first_day, last_day = read_day("from"), read_day("to")
    state = state if state in DELIVERY_BADGES else None
    wanted = DeliveryFilter(event, state, first_day, last_day and next_day(last_day))
    before = row_id_from_query("cursor")
    with current_container().database.transaction() as session:
        page = endpoints.list_deliveries(
            session,
            endpoint_id,
            user_id=current_principal().user_id,
            limit=PAGE_SIZE,
            before=before,
            wanted=wanted,
        )
    query = {
        "event": event,
        "state": state,
        "from": first_day and request.args["from"],
        "to": last_day and request.args["to"],
    }
    older = page.next_before and endpoint_url(endpoint_id, **query, cursor=page.next_before)
    return {
        "deliveries": [delivery_fields(view) for view in page.deliveries],
        "query": query,
        "is_filtered": any(query.values()),
        "event_types": (*EVENT_TYPES, TEST_EVENT_TYPE),
        "states": [(state, localize_badge(badge)) for state, badge in DELIVERY_BADGES.items()],
        "older_url": older,
        "newest_url": endpoint_url(endpoint_id, **query) if before else None,
    }


def delivery_fields(view: DeliveryDetails) -> dict[str, Any]:
    return {
        "id": view.delivery.id,
        "type": view.message.type,
        "subject": view.message.subject,
        "headers": highlight_code(sent_headers(view), "yaml"),
        "body": highlight_json(view.message.body),
        "at": view.delivery.created_at,
        "next_attempt_at": view.delivery.due_at if view.state == DeliveryState.WAITING else None,
        "badge": localize_badge(DELIVERY_BADGES[DeliveryState(view.state)]),
        "attempts": view.attempts,
    }


def sent_headers(view: DeliveryDetails) -> str:
    """Return those headers of the request that are the same at every try."""
    return f"content-type: application/json\nwebhook-id: {view.message.name}"


def endpoint_url(endpoint_id: int, **query: Any) -> str:
    return url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id, **query)


def read_day(name: str) -> datetime | None:
    """Return the beginning of the day in the query string; None without one, or if it is none."""
    return parse_day(request.args.get(name, ""))


def parse_day(text: str) -> datetime | None:
    """Return the beginning of a day in the reader's time zone; None if the text is no day."""
    try:
        midnight = datetime.combine(date.fromisoformat(text), time(), tzinfo=current_zone())
    except ValueError:
        return None
    return midnight if EARLIEST_TIME < midnight < LATEST_TIME else None


def next_day(midnight: datetime) -> datetime:
    return datetime.combine(midnight.date() + DAY, time(), tzinfo=midnight.tzinfo)


def default_since() -> datetime:
    now = current_container().services.now().astimezone(current_zone())
    return datetime.combine(now.date() - DAY, time(), tzinfo=now.tzinfo)
