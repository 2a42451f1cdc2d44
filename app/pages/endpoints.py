"""Pages of endpoints: add, test, change, disable and delete them.

A secret is displayed only on the page that answers its creation.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.api.endpoints import READ_SCOPES, WRITE_SCOPES
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import Badge, localize_badge
from app.pages.code_view import highlight_code
from app.pages.deliveries import delivery_page_fields
from app.pages.webhook_samples import SAMPLES
from core import endpoints
from core.endpoints import CreatedEndpoint
from core.errors import Conflict, Invalid
from core.outbox import EVENT_TYPES
from core.validation import is_storable_text
from db.outbox.delivery_log import DeliveryCounts
from db.outbox.endpoints import Endpoint

blueprint = Blueprint("endpoint_pages", __name__)

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


@dataclass(frozen=True)
class EndpointForm:
    """What was entered for a new endpoint."""

    url: str = ""
    description: str = ""
    events: tuple[str, ...] = ()


ACTION_RESULTS = {
    "enable": gettext_noop(
        "The endpoint is enabled. Events that waited for it are being delivered."
    ),
    "disable": gettext_noop("The endpoint is disabled and receives no events."),
    "remove": gettext_noop("The endpoint is removed."),
    "test": gettext_noop("A test event is on its way. Reload this page to see the result."),
    "redeliver": gettext_noop("The event is being delivered again."),
    "events": gettext_noop("The choice of events is saved."),
}


@blueprint.get("/settings/endpoints")
@require_login(*READ_SCOPES)
def list_endpoints() -> str:
    """List my endpoints, oldest first."""
    with current_container().database.transaction() as session:
        rows = endpoints.list_endpoints(session, current_principal().user_id)
        counts = [
            endpoints.count_results(session, row.id, user_id=current_principal().user_id)
            for row in rows
        ]
    items = [endpoint_fields(row, count) for row, count in zip(rows, counts, strict=True)]
    return render_template("endpoints.html", endpoints=items)


@blueprint.get("/settings/endpoints/new")
@require_login(*WRITE_SCOPES)
def show_form() -> str:
    """Show the form for a new endpoint."""
    return render_form(EndpointForm())


@blueprint.post("/settings/endpoints")
@require_login(*WRITE_SCOPES)
def create_endpoint() -> str | tuple[str, int]:
    """Create an endpoint and display its secret once."""
    form = EndpointForm(
        request.form.get("url", "").strip(),
        request.form.get("description", "").strip(),
        tuple(request.form.getlist("event")),
    )
    if len(form.description) > MAX_DESCRIPTION_CHARS or not is_storable_text(form.description):
        text = translate_text(INVALID_DESCRIPTION_TEXT, max=MAX_DESCRIPTION_CHARS)
        return render_form(form, ("description", text)), 400
    if not is_storable_text(form.url):
        return render_form(EndpointForm(), ("url", translate_text(INVALID_URL_TEXT))), 400
    try:
        with current_container().database.transaction() as session:
            created = endpoints.create_endpoint(
                session,
                current_container().services,
                current_principal().user_id,
                url=form.url,
                events=form.events,
                description=form.description,
            )
    except Invalid:
        return render_form(form, ("url", translate_text(INVALID_URL_TEXT))), 400
    except Conflict:
        return render_form(form, ("", translate_text(TOO_MANY_ENDPOINTS_TEXT))), 409
    return render_secret(created, is_new=True)


@blueprint.get("/settings/endpoints/<int:endpoint_id>")
@require_login(*READ_SCOPES)
def show_endpoint(endpoint_id: int) -> str:
    """Show an endpoint and its deliveries, newest first."""
    with current_container().database.transaction() as session:
        user_id = current_principal().user_id
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=user_id)
        counts = endpoints.count_results(session, endpoint_id, user_id=user_id)
        secrets = endpoints.list_secrets(session, endpoint_id, user_id=user_id)
    return render_template(
        "endpoint.html",
        endpoint=endpoint_fields(endpoint, counts),
        events=list_events(),
        secrets=secrets,
        samples=[(name, highlight_code(code, language)) for name, language, code in SAMPLES],
        **delivery_page_fields(endpoint_id),
    )


@blueprint.post("/settings/endpoints/<int:endpoint_id>/events")
@require_login(*WRITE_SCOPES)
def change_events(endpoint_id: int) -> Response:
    """Choose which events an endpoint gets; without a choice it gets all."""
    with current_container().database.transaction() as session:
        endpoints.update_endpoint(
            session,
            current_container().services,
            endpoint_id,
            user_id=current_principal().user_id,
            events=request.form.getlist("event"),
        )
    return redirect_with_result("events", endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/rotate")
@require_login(*WRITE_SCOPES)
def rotate_secret(endpoint_id: int) -> str | Response:
    """Create a new secret and display it once; the old one stays valid for 24 hours."""
    try:
        with current_container().database.transaction() as session:
            created = endpoints.rotate_secret(
                session,
                current_container().services,
                endpoint_id,
                user_id=current_principal().user_id,
            )
    except Conflict:
        flash(translate_text(TOO_MANY_SECRETS_TEXT), "bad")
        return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))
    return render_secret(created, is_new=False)


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


@blueprint.get("/settings/endpoints/<int:endpoint_id>/remove")
@require_login(*WRITE_SCOPES)
def confirm_removal(endpoint_id: int) -> str:
    """Show what removing an endpoint does, and the form to confirm it."""
    with current_container().database.transaction() as session:
        endpoint = endpoints.get_endpoint(session, endpoint_id, user_id=current_principal().user_id)
    return render_template("endpoint_remove.html", endpoint=endpoint)


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


def redirect_with_result(action: str, endpoint_id: int | None = None) -> Response:
    """Wake the delivery worker, and redirect to a page that shows the result of the action."""
    current_container().services.wake("outbox")
    flash(translate_text(ACTION_RESULTS[action]), "good")
    if endpoint_id is None:
        return redirect(url_for("endpoint_pages.list_endpoints"))
    return redirect(url_for("endpoint_pages.show_endpoint", endpoint_id=endpoint_id))


def endpoint_fields(endpoint: Endpoint, counts: DeliveryCounts) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "badge": endpoint_badge(endpoint),
        "reason": disabled_reason(endpoint),
        "disabled_at": endpoint.disabled_at,
        "failures": endpoint.failures,
        "delivered_at": endpoint.delivered_at,
        "counts": counts,
        "success": 100 * counts.delivered / counts.ended if counts.ended else None,
    }


def endpoint_badge(endpoint: Endpoint) -> Badge:
    if endpoint.disabled_at is not None:
        return localize_badge(Badge("calm", gettext_noop("Disabled"), "circle-pause"))
    if endpoint.failures:
        return localize_badge(Badge("bad", gettext_noop("Failing"), "circle-x"))
    return localize_badge(Badge("good", gettext_noop("Enabled"), "circle-check"))


def disabled_reason(endpoint: Endpoint) -> str | None:
    text = DISABLED_REASONS.get(endpoint.disabled_cause or "")
    return translate_text(text) if text else None


def list_events() -> list[tuple[str, str]]:
    return [(event, translate_text(EVENT_TEXTS[event])) for event in EVENT_TYPES]


def render_form(form: EndpointForm, error: tuple[str, str] | None = None) -> str:
    """Show the form as it was filled in. `error`: the id of the field, and a sentence."""
    return render_template(
        "endpoint_new.html",
        form=form,
        error=error,
        events=list_events(),
        max_url_chars=MAX_URL_CHARS,
        max_description_chars=MAX_DESCRIPTION_CHARS,
    )


def render_secret(created: CreatedEndpoint, *, is_new: bool) -> str:
    return render_template(
        "endpoint_secret.html",
        endpoint=created.endpoint,
        secret=created.secret.reveal(),
        is_new=is_new,
    )
