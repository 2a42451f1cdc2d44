"""Endpoints of host applications: where they are told, with what it is signed, how each try went.

A secret is in one answer only. Who makes an endpoint hears of posts and accounts from then on, so
it takes the right to change both.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.body import Body, asks, ok, takes
from app.context import caller, house, needs
from core import endpoints
from core.endpoints import Made, Told
from core.outbox import EVENTS
from db.deliveries import Try
from db.endpoints import Endpoint

blueprint = Blueprint("endpoints", __name__)

READ = ("accounts:read", "posts:read")
WRITE = ("accounts:write", "posts:write")

Url = Annotated[str, Field(min_length=1, max_length=2048)]
Events = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)]
Description = Annotated[str, Field(max_length=200)]


class NewEndpoint(Body):
    url: Url
    events: Annotated[Events, Field(default_factory=list)]
    description: Description = ""


class Changes(Body):
    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    enabled: Annotated[bool | None, Field(strict=True)] = None


class Page(Body):
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1, lt=2**63)] = None


@blueprint.get("/api/endpoints")
@needs(*READ)
def listing() -> dict[str, Any]:
    """My endpoints, the oldest first, and every event there is."""
    with house().database.transaction() as session:
        found = endpoints.listing(session, caller().user_id)
    return ok(data=[shown(each) for each in found], events=EVENTS)


@blueprint.post("/api/endpoints")
@needs(*WRITE)
@takes(NewEndpoint)
def make(body: NewEndpoint) -> tuple[dict[str, Any], int]:
    """A new endpoint; `secret` is shown this once. No events named: all of them."""
    with house().database.transaction() as session:
        made = endpoints.make(
            session,
            house().world,
            caller().user_id,
            url=body.url,
            events=body.events,
            description=body.description,
        )
    return ok(data=with_secret(made)), 201


@blueprint.get("/api/endpoints/<int:endpoint_id>")
@needs(*READ)
def one(endpoint_id: int) -> dict[str, Any]:
    """An endpoint of mine."""
    with house().database.transaction() as session:
        return ok(data=shown(endpoints.look(session, endpoint_id, user_id=caller().user_id)))


@blueprint.patch("/api/endpoints/<int:endpoint_id>")
@needs(*WRITE)
@takes(Changes)
def change(endpoint_id: int, body: Changes) -> dict[str, Any]:
    """Change what is named. Enabled again, it is told what waited for it meanwhile."""
    with house().database.transaction() as session:
        endpoint = endpoints.change(
            session,
            house().world,
            endpoint_id,
            user_id=caller().user_id,
            **body.model_dump(),
        )
        session.refresh(endpoint)
    house().world.ring("outbox")
    return ok(data=shown(endpoint))


@blueprint.delete("/api/endpoints/<int:endpoint_id>")
@needs(*WRITE)
def remove(endpoint_id: int) -> dict[str, Any]:
    """Remove an endpoint of mine, with its log and what was still to be delivered there."""
    with house().database.transaction() as session:
        endpoints.remove(session, endpoint_id, user_id=caller().user_id)
    return ok()


@blueprint.post("/api/endpoints/<int:endpoint_id>/rotate")
@needs(*WRITE)
def rotate(endpoint_id: int) -> dict[str, Any]:
    """A new secret, shown this once; the old one signs beside it for 24 hours."""
    with house().database.transaction() as session:
        made = endpoints.rotate(session, house().world, endpoint_id, user_id=caller().user_id)
    return ok(data=with_secret(made))


@blueprint.post("/api/endpoints/<int:endpoint_id>/test")
@needs(*WRITE)
def test(endpoint_id: int) -> tuple[dict[str, Any], int]:
    """Send it an `endpoint.test`; how that goes stands in its deliveries."""
    with house().database.transaction() as session:
        told = endpoints.test(session, endpoint_id, user_id=caller().user_id)
    house().world.ring("outbox")
    return ok(data=delivery(told)), 202


@blueprint.get("/api/endpoints/<int:endpoint_id>/deliveries")
@needs(*READ)
@asks(Page)
def deliveries(endpoint_id: int, query: Page) -> dict[str, Any]:
    """What it was told, the newest first, with every try."""
    with house().database.transaction() as session:
        page = endpoints.page(
            session,
            endpoint_id,
            user_id=caller().user_id,
            limit=query.limit,
            before=query.cursor,
        )
    more = None if page.next_before is None else str(page.next_before)
    return ok(data=[delivery(each) for each in page.told], nextCursor=more)


@blueprint.post("/api/deliveries/<int:delivery_id>/redeliver")
@needs(*WRITE)
def redeliver(delivery_id: int) -> tuple[dict[str, Any], int]:
    """Deliver it once more, under the same webhook-id, whatever became of it."""
    with house().database.transaction() as session:
        told = endpoints.redeliver(session, delivery_id, user_id=caller().user_id)
    house().world.ring("outbox")
    return ok(data=delivery(told)), 202


def shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": endpoint.events,
        "enabled": endpoint.disabled_at is None,
        "disabledAt": endpoint.disabled_at,
        "disabledCause": endpoint.disabled_cause,
        "failures": endpoint.failures,
        "failingSince": endpoint.failing_since,
        "lastDeliveredAt": endpoint.delivered_at,
        "createdAt": endpoint.created_at,
    }


def with_secret(made: Made) -> dict[str, Any]:
    return {**shown(made.endpoint), "secret": made.secret.reveal()}


def delivery(told: Told) -> dict[str, Any]:
    row, message = told.delivery, told.message
    return {
        "id": row.id,
        "webhookId": message.name,
        "type": message.type,
        "subject": message.subject,
        "sequence": message.sequence,
        "state": told.state,
        "nextTryAt": row.due_at,
        "deliveredAt": row.delivered_at,
        "createdAt": row.created_at,
        "body": message.body,
        "tries": tries(told.tries),
    }


def tries(found: Sequence[Try]) -> list[dict[str, Any]]:
    return [
        {
            "number": one.number,
            "at": one.started_at,
            "milliseconds": one.milliseconds,
            "status": one.status,
            "error": one.error,
            "answer": one.answer,
        }
        for one in found
    ]
