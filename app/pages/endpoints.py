"""Pages of endpoints: add, test, disable and delete them, see their deliveries, deliver again.

A secret is shown only on the page that answers its creation.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.endpoints import READ_SCOPES, WRITE_SCOPES
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.http.validation import row_id_from_query
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
    "post.unconfirmed": gettext_noop("the outcome of a post is unknown"),
    "post.delivered": gettext_noop("a draft is delivered to its creator"),
    "post.published": gettext_noop("a post is published"),
    "post.failed": gettext_noop("a post was not posted"),
    "post.cancelled": gettext_noop("a post was cancelled"),
    "account.connected": gettext_noop("an account is connected"),
    "account.needs_reconnect": gettext_noop("an account has to be connected again"),
    "account.revoked": gettext_noop("the platform has ended a connection"),
    "account.destination_lost": gettext_noop("one account behind a login cannot be used"),
    "account.disconnected": gettext_noop("an account was disconnected"),
    "account.unreadable": gettext_noop("the stored token of an account cannot be read"),
    "comment.received": gettext_noop("somebody has commented on a post"),
    "mention.received": gettext_noop("somebody has mentioned an account"),
}
DELIVERY_BADGES = {
    "delivered": ("good", gettext_noop("Delivered")),
    "waiting": ("busy", gettext_noop("On its way")),
    "paused": ("wait", gettext_noop("Paused")),
    "dead": ("bad", gettext_noop("Given up")),
}
DISABLED_REASONS = {
    "gone": gettext_noop("The endpoint answered 410 (Gone)."),
    "failing": gettext_noop("All attempts failed for five days."),
}
INVALID_URL_TEXT = gettext_noop(
    "This address cannot be used. It must be public and use https, without a user or a port."
)
INVALID_DESCRIPTION_TEXT = gettext_noop(
    "A description may have at most %(max)d characters, and none that cannot be stored."
)
DISABLED_TEXT = gettext_noop("The endpoint is disabled. Enable it first.")
TOO_MANY_ENDPOINTS_TEXT = gettext_noop(
    "You have the maximum number of endpoints. Remove one first."
)
TOO_MANY_SECRETS_TEXT = gettext_noop(
    "The maximum number of secrets is valid already. Wait until the oldest one expires."
)
CANNOT_REDELIVER_TEXT = gettext_noop(
    "This is not possible now: the endpoint is disabled, or the event is being delivered."
)
ACTION_RESULTS = {
    "enable": gettext_noop(
        "The endpoint is enabled. Events that waited for it are being delivered."
    ),
    "disable": gettext_noop("The endpoint is disabled and receives no events."),
    "remove": gettext_noop("The endpoint is removed."),
    "test": gettext_noop("A test event is on its way. Reload this page to see the result."),
    "redeliver": gettext_noop("The event is being delivered again."),
}


@blueprint.get("/settings/endpoints")
@require_login(*READ_SCOPES)
def list_endpoints() -> str:
    """List my endpoints, oldest first."""
    return render_endpoints()


@blueprint.post("/settings/endpoints")
@require_login(*WRITE_SCOPES)
def create_endpoint() -> str | tuple[str, int]:
    """Create an endpoint and show its secret once."""
    url, description = (request.form.get(name, "").strip() for name in ("url", "description"))
    if len(description) > MAX_DESCRIPTION_CHARS or not is_storable_text(description):
        error_text = translate_text(INVALID_DESCRIPTION_TEXT, max=MAX_DESCRIPTION_CHARS)
        return render_endpoints(error_text=error_text, url=url), 400
    if not is_storable_text(url):
        return render_endpoints(error_text=translate_text(INVALID_URL_TEXT)), 400
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
        return render_endpoints(error_text=translate_text(INVALID_URL_TEXT), url=url), 400
    except Conflict:
        return render_endpoints(error_text=translate_text(TOO_MANY_ENDPOINTS_TEXT), url=url), 409
    return render_endpoints(new_endpoint=new_endpoint)


@blueprint.get("/settings/endpoints/<int:endpoint_id>")
@require_login(*READ_SCOPES)
def show_endpoint(endpoint_id: int) -> str:
    """Show an endpoint and its deliveries, newest first."""
    return render_endpoint(endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/rotate")
@require_login(*WRITE_SCOPES)
def rotate_secret(endpoint_id: int) -> str | Response:
    """Create a new secret and show it once; the old one stays valid for 24 hours."""
    try:
        with current_container().database.transaction() as session:
            new_secret = endpoints.rotate_secret(
                session,
                current_container().services,
                endpoint_id,
                user_id=current_principal().user_id,
            )
    except Conflict:
        flash(translate_text(TOO_MANY_SECRETS_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return render_endpoint(endpoint_id, new_secret=new_secret)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/<any(enable, disable):action>")
@require_login(*WRITE_SCOPES)
def set_enabled(endpoint_id: int, action: str) -> Response:
    """Enable or disable an endpoint."""
    with current_container().database.transaction() as session:
        endpoints.update_endpoint(
            session,
            current_container().services,
            endpoint_id,
            user_id=current_principal().user_id,
            enabled=action == "enable",
        )
    return redirect_with_result(action, endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/remove")
@require_login(*WRITE_SCOPES)
def remove_endpoint(endpoint_id: int) -> Response:
    """Delete an endpoint with its deliveries."""
    with current_container().database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint_id, user_id=current_principal().user_id)
    return redirect_with_result("remove")


@blueprint.post("/settings/endpoints/<int:endpoint_id>/test")
@require_login(*WRITE_SCOPES)
def send_test_event(endpoint_id: int) -> Response:
    """Send a test event to an endpoint."""
    try:
        with current_container().database.transaction() as session:
            endpoints.send_test_message(session, endpoint_id, user_id=current_principal().user_id)
    except Conflict:
        flash(translate_text(DISABLED_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return redirect_with_result("test", endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/deliveries/<int:delivery_id>")
@require_login(*WRITE_SCOPES)
def redeliver_event(endpoint_id: int, delivery_id: int) -> Response:
    """Deliver an event again under the same id."""
    try:
        with current_container().database.transaction() as session:
            endpoints.redeliver_message(session, delivery_id, user_id=current_principal().user_id)
    except Conflict:
        flash(translate_text(CANNOT_REDELIVER_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return redirect_with_result("redeliver", endpoint_id)


def redirect_with_result(action: str, endpoint_id: int | None = None) -> Response:
    """Wake the delivery worker, and redirect to a page that shows the result of the action."""
    current_container().services.wake("outbox")
    flash(translate_text(ACTION_RESULTS[action]), "good")
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
        events=[(event, translate_text(EVENT_TEXTS[event])) for event in EVENT_TYPES],
        url=url,
        max_url_chars=MAX_URL_CHARS,
        max_description_chars=MAX_DESCRIPTION_CHARS,
        error_text=error_text,
        secret=new_endpoint.secret.reveal() if new_endpoint else None,
    )


def render_endpoint(endpoint_id: int, *, new_secret: CreatedEndpoint | None = None) -> str:
    with current_container().database.transaction() as session:
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=current_principal().user_id)
        deliveries_page = endpoints.list_deliveries(
            session,
            endpoint_id,
            user_id=current_principal().user_id,
            limit=PAGE_SIZE,
            before=row_id_from_query("cursor"),
        )
    return render_template(
        "endpoint.html",
        endpoint=endpoint,
        disabled_reason=translate_text(DISABLED_REASONS[endpoint.disabled_cause])
        if endpoint.disabled_cause in DISABLED_REASONS
        else None,
        deliveries=[delivery_fields(view) for view in deliveries_page.deliveries],
        next_cursor=deliveries_page.next_before,
        secret=new_secret.secret.reveal() if new_secret else None,
    )


def delivery_fields(view: DeliveryDetails) -> dict[str, Any]:
    colour, label = DELIVERY_BADGES[view.state]
    return {
        "id": view.delivery.id,
        "type": view.message.type,
        "subject": view.message.subject,
        "webhook_id": view.message.name,
        "body": view.message.body,
        "at": view.delivery.created_at,
        "next_attempt_at": view.delivery.due_at if view.state == "waiting" else None,
        "colour": colour,
        "state": translate_text(label),
        "attempts": view.attempts,
    }
