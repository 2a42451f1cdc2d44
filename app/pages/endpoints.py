"""Pages of endpoints: add one, see what it was told and how that went, have it told once more.

A secret stands in the one answer that made it.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.context import caller, house, page
from app.endpoints import READ, WRITE
from app.language import later, say
from core import endpoints
from core.checked import storable
from core.endpoints import Made, Told
from core.errors import Conflict, Invalid
from core.outbox import EVENTS

blueprint = Blueprint("endpoint_pages", __name__)

PAGE = 20
LONGEST_URL, LONGEST_DESCRIPTION = 2048, 200
MEANS = {
    "post.processing": later("a post is being processed"),
    "post.unconfirmed": later("what became of a post is not certain"),
    "post.delivered": later("a post is in its creator's inbox"),
    "post.published": later("a post is published"),
    "post.failed": later("a post was not posted"),
    "post.cancelled": later("a post was cancelled"),
    "account.connected": later("an account is connected"),
    "account.needs_reconnect": later("an account has to be connected again"),
    "account.revoked": later("the platform has ended a connection"),
    "account.disconnected": later("an account was disconnected"),
    "account.unreadable": later("the stored token of an account cannot be read"),
}
STATES = {
    "delivered": ("good", later("Delivered")),
    "waiting": ("busy", later("On its way")),
    "paused": ("wait", later("Paused")),
    "dead": ("bad", later("Given up")),
}
CAUSES = {
    "gone": later("It said that it is gone for good (410)."),
    "failing": later("Every try of five days failed."),
}
ADDRESS = later("This address cannot be used: public, https, without a user or a port.")
DISABLED = later("It is disabled. Enable it first.")
TOO_MANY = later("That is more than is possible at once.")
ON_ITS_WAY = later("That is not possible now: it is disabled, or on its way at this moment.")
DONE = {
    "enable": later("The endpoint is enabled. What has waited for it is on its way."),
    "disable": later("The endpoint is disabled and hears nothing."),
    "remove": later("The endpoint is removed."),
    "test": later("A test message is on its way. Reload this page to see how it went."),
    "redeliver": later("The message is on its way once more."),
}


@blueprint.get("/settings/endpoints")
@page(*READ)
def listing() -> str:
    """My endpoints, the oldest first."""
    return listed()


@blueprint.post("/settings/endpoints")
@page(*WRITE)
def make() -> str | tuple[str, int]:
    """A new endpoint; its secret stands in this answer only."""
    url, description = (request.form.get(name, "").strip() for name in ("url", "description"))
    if len(description) > LONGEST_DESCRIPTION or not storable(url + description):
        return listed(fault=say(ADDRESS), url=url), 400
    try:
        with house().database.transaction() as session:
            made = endpoints.make(
                session,
                house().world,
                caller().user_id,
                url=url,
                events=request.form.getlist("event"),
                description=description,
            )
    except Invalid:
        return listed(fault=say(ADDRESS), url=url), 400
    except Conflict:
        return listed(fault=say(TOO_MANY), url=url), 409
    return listed(made=made)


@blueprint.get("/settings/endpoints/<int:endpoint_id>")
@page(*READ)
def one(endpoint_id: int) -> str:
    """One endpoint with what it was told, the newest first."""
    return detailed(endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/rotate")
@page(*WRITE)
def rotate(endpoint_id: int) -> str | Response:
    """A new secret; the old one signs beside it for a day."""
    try:
        with house().database.transaction() as session:
            made = endpoints.rotate(session, house().world, endpoint_id, user_id=caller().user_id)
    except Conflict:
        flash(say(TOO_MANY), "bad")
        return redirect(url_for("endpoint_pages.one", endpoint_id=endpoint_id))
    return detailed(endpoint_id, made=made)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/<any(enable, disable):word>")
@page(*WRITE)
def switch(endpoint_id: int, word: str) -> Response:
    """Tell it again, or nothing for the time being."""
    with house().database.transaction() as session:
        endpoints.change(
            session,
            house().world,
            endpoint_id,
            user_id=caller().user_id,
            enabled=word == "enable",
        )
    return done(word, endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/remove")
@page(*WRITE)
def remove(endpoint_id: int) -> Response:
    """Remove it with its log."""
    with house().database.transaction() as session:
        endpoints.remove(session, endpoint_id, user_id=caller().user_id)
    return done("remove")


@blueprint.post("/settings/endpoints/<int:endpoint_id>/test")
@page(*WRITE)
def test(endpoint_id: int) -> Response:
    """Send it a message to see whether it hears."""
    try:
        with house().database.transaction() as session:
            endpoints.test(session, endpoint_id, user_id=caller().user_id)
    except Conflict:
        flash(say(DISABLED), "bad")
        return redirect(url_for("endpoint_pages.one", endpoint_id=endpoint_id))
    return done("test", endpoint_id)


@blueprint.post("/settings/endpoints/<int:endpoint_id>/deliveries/<int:delivery_id>")
@page(*WRITE)
def redeliver(endpoint_id: int, delivery_id: int) -> Response:
    """Tell it once more, under the same id."""
    try:
        with house().database.transaction() as session:
            endpoints.redeliver(session, delivery_id, user_id=caller().user_id)
    except Conflict:
        flash(say(ON_ITS_WAY), "bad")
        return redirect(url_for("endpoint_pages.one", endpoint_id=endpoint_id))
    return done("redeliver", endpoint_id)


def done(word: str, endpoint_id: int | None = None) -> Response:
    house().world.ring("outbox")
    flash(say(DONE[word]), "good")
    if endpoint_id is None:
        return redirect(url_for("endpoint_pages.listing"))
    return redirect(url_for("endpoint_pages.one", endpoint_id=endpoint_id))


def listed(*, fault: str | None = None, url: str = "", made: Made | None = None) -> str:
    with house().database.transaction() as session:
        found = endpoints.listing(session, caller().user_id)
    return render_template(
        "endpoints.html",
        endpoints=found,
        events=[(event, say(MEANS[event])) for event in EVENTS],
        url=url,
        longest=LONGEST_URL,
        longest_description=LONGEST_DESCRIPTION,
        fault=fault,
        secret=made.secret.reveal() if made else None,
        made=made.endpoint if made else None,
    )


def detailed(endpoint_id: int, *, made: Made | None = None) -> str:
    cursor = request.args.get("cursor", "")
    before = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else None  # noqa: PLR2004 - digits of a bigint
    with house().database.transaction() as session:
        endpoint = endpoints.look(session, endpoint_id, user_id=caller().user_id)
        found = endpoints.page(
            session, endpoint_id, user_id=caller().user_id, limit=PAGE, before=before
        )
    return render_template(
        "endpoint.html",
        endpoint=endpoint,
        cause=say(CAUSES[endpoint.disabled_cause]) if endpoint.disabled_cause in CAUSES else None,
        deliveries=[shown(told) for told in found.told],
        more=found.next_before,
        secret=made.secret.reveal() if made else None,
    )


def shown(told: Told) -> dict[str, Any]:
    look, word = STATES[told.state]
    return {
        "id": told.delivery.id,
        "type": told.message.type,
        "subject": told.message.subject,
        "name": told.message.name,
        "body": told.message.body,
        "at": told.delivery.created_at,
        "next": told.delivery.due_at if told.state == "waiting" else None,
        "look": look,
        "state": say(word),
        "tries": told.tries,
    }
