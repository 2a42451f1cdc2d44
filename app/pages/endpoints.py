"""Pages of endpoints: add one, see what it was told and how that went, have it told once more.

A secret stands in the one answer that made it.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.endpoints import READ_SCOPES, WRITE_SCOPES
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate
from core import endpoints
from core.endpoints import CreatedEndpoint, DeliveryDetails
from core.errors import Conflict, Invalid
from core.outbox import EVENT_TYPES
from core.validation import is_storable_text

blueprint = Blueprint("endpoint_pages", __name__)

PAGE_SIZE = 20
MAX_URL_CHARS, MAX_DESCRIPTION_CHARS = 2048, 200
EVENT_TEXTS = {
    "post.processing": gettext_noop("a post is being processed"),
    "post.unconfirmed": gettext_noop("what became of a post is not certain"),
    "post.delivered": gettext_noop("a post is in its creator's inbox"),
    "post.published": gettext_noop("a post is published"),
    "post.failed": gettext_noop("a post was not posted"),
    "post.cancelled": gettext_noop("a post was cancelled"),
    "account.connected": gettext_noop("an account is connected"),
    "account.needs_reconnect": gettext_noop("an account has to be connected again"),
    "account.revoked": gettext_noop("the platform has ended a connection"),
    "account.disconnected": gettext_noop("an account was disconnected"),
    "account.unreadable": gettext_noop("the stored token of an account cannot be read"),
}
DELIVERY_BADGES = {
    "delivered": ("good", gettext_noop("Delivered")),
    "waiting": ("busy", gettext_noop("On its way")),
    "paused": ("wait", gettext_noop("Paused")),
    "dead": ("bad", gettext_noop("Given up")),
}
DISABLED_REASONS = {
    "gone": gettext_noop("It said that it is gone for good (410)."),
    "failing": gettext_noop("Every try of five days failed."),
}
INVALID_URL_TEXT = gettext_noop(
    "This address cannot be used: public, https, without a user or a port."
)
DISABLED_TEXT = gettext_noop("It is disabled. Enable it first.")
TOO_MANY_TEXT = gettext_noop("That is more than is possible at once.")
CANNOT_REDELIVER_TEXT = gettext_noop(
    "That is not possible now: it is disabled, or on its way at this moment."
)
ACTION_RESULTS = {
    "enable": gettext_noop("The endpoint is enabled. What has waited for it is on its way."),
    "disable": gettext_noop("The endpoint is disabled and hears nothing."),
    "remove": gettext_noop("The endpoint is removed."),
    "test": gettext_noop("A test message is on its way. Reload this page to see how it went."),
    "redeliver": gettext_noop("The message is on its way once more."),
}


@blueprint.get("/settings/endpoints")
@require_login(*READ_SCOPES)
def list_endpoints() -> str:
    """My endpoints, the oldest first."""
    return render_endpoints()


@blueprint.post("/settings/endpoints")
@require_login(*WRITE_SCOPES)
def create_endpoint() -> str | tuple[str, int]:
    """A new endpoint; its secret stands in this answer only."""
    url, description = (request.form.get(name, "").strip() for name in ("url", "description"))
    if len(description) > MAX_DESCRIPTION_CHARS or not is_storable_text(url + description):
        return render_endpoints(error_text=translate(INVALID_URL_TEXT), url=url), 400
    try:
        with current_container().database.transaction() as session:
            new_endpoint = endpoints.create_endpoint(
                session,
                current_container().services,
                current_principal().user_id,
                url=url,
                events=request.form.getlist("event"),
                description=description,
            )
    except Invalid:
        return render_endpoints(error_text=translate(INVALID_URL_TEXT), url=url), 400
    except Conflict:
        return render_endpoints(error_text=translate(TOO_MANY_TEXT), url=url), 409
    return render_endpoints(new_endpoint=new_endpoint)


@blueprint.get("/settings/endpoints/<int:endpoint_id>")
@require_login(*READ_SCOPES)
def show_endpoint(endpoint_id: int) -> str:
    """One endpoint with what it was told, the newest first."""
    return render_endpoint(endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/rotate")
@require_login(*WRITE_SCOPES)
def rotate_secret(endpoint_id: int) -> str | Response:
    """A new secret; the old one signs beside it for a day."""
    try:
        with current_container().database.transaction() as session:
            new_secret = endpoints.rotate_secret(
                session,
                current_container().services,
                endpoint_id,
                user_id=current_principal().user_id,
            )
    except Conflict:
        flash(translate(TOO_MANY_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return render_endpoint(endpoint_id, new_secret=new_secret)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/<any(enable, disable):word>")
@require_login(*WRITE_SCOPES)
def set_enabled(endpoint_id: int, word: str) -> Response:
    """Tell it again, or nothing for the time being."""
    with current_container().database.transaction() as session:
        endpoints.update_endpoint(
            session,
            current_container().services,
            endpoint_id,
            user_id=current_principal().user_id,
            enabled=word == "enable",
        )
    return redirect_with_result(word, endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/remove")
@require_login(*WRITE_SCOPES)
def remove_endpoint(endpoint_id: int) -> Response:
    """Remove it with its log."""
    with current_container().database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint_id, user_id=current_principal().user_id)
    return redirect_with_result("remove")


@blueprint.post("/settings/endpoints/<int:endpoint_id>/test")
@require_login(*WRITE_SCOPES)
def send_test_event(endpoint_id: int) -> Response:
    """Send it a message to see whether it hears."""
    try:
        with current_container().database.transaction() as session:
            endpoints.send_test_message(session, endpoint_id, user_id=current_principal().user_id)
    except Conflict:
        flash(translate(DISABLED_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return redirect_with_result("test", endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/deliveries/<int:delivery_id>")
@require_login(*WRITE_SCOPES)
def redeliver_event(endpoint_id: int, delivery_id: int) -> Response:
    """Tell it once more, under the same id."""
    try:
        with current_container().database.transaction() as session:
            endpoints.redeliver_message(session, delivery_id, user_id=current_principal().user_id)
    except Conflict:
        flash(translate(CANNOT_REDELIVER_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return redirect_with_result("redeliver", endpoint_id)


def redirect_with_result(action: str, endpoint_id: int | None = None) -> Response:
    current_container().services.wake("outbox")
    flash(translate(ACTION_RESULTS[action]), "good")
    if endpoint_id is None:
        return redirect(url_for("endpoint_pages.list_endpoints"))
    return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))


def render_endpoints(
    *, error_text: str | None = None, url: str = "", new_endpoint: CreatedEndpoint | None = None
) -> str:
    with current_container().database.transaction() as session:
        rows = endpoints.list_endpoints(session, current_principal().user_id)
    return render_template(
        "endpoints.html",
        endpoints=rows,
        events=[(event, translate(EVENT_TEXTS[event])) for event in EVENT_TYPES],
        url=url,
        longest=MAX_URL_CHARS,
        longest_description=MAX_DESCRIPTION_CHARS,
        fault=error_text,
        secret=new_endpoint.secret.reveal() if new_endpoint else None,
        made=new_endpoint.endpoint if new_endpoint else None,
    )


def render_endpoint(endpoint_id: int, *, new_secret: CreatedEndpoint | None = None) -> str:
    cursor = request.args.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None
    with current_container().database.transaction() as session:
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=current_principal().user_id)
        deliveries_page = endpoints.list_deliveries(
            session,
            endpoint_id,
            user_id=current_principal().user_id,
            limit=PAGE_SIZE,
            before=before,
        )
    return render_template(
        "endpoint.html",
        endpoint=endpoint,
        cause=translate(DISABLED_REASONS[endpoint.disabled_cause])
        if endpoint.disabled_cause in DISABLED_REASONS
        else None,
        deliveries=[delivery_fields(delivery_view) for delivery_view in deliveries_page.deliveries],
        more=deliveries_page.next_before,
        secret=new_secret.secret.reveal() if new_secret else None,
    )


def delivery_fields(delivery_view: DeliveryDetails) -> dict[str, Any]:
    colour, label = DELIVERY_BADGES[delivery_view.state]
    return {
        "id": delivery_view.delivery.id,
        "type": delivery_view.message.type,
        "subject": delivery_view.message.subject,
        "name": delivery_view.message.name,
        "body": delivery_view.message.body,
        "at": delivery_view.delivery.created_at,
        "next": delivery_view.delivery.due_at if delivery_view.state == "waiting" else None,
        "look": colour,
        "state": translate(label),
        "tries": delivery_view.tries,
    }
