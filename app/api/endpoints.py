"""Endpoints of host applications: create, change, test and delete them; their deliveries.

A secret is returned once, when it is created. An endpoint receives events about all posts and
accounts of its owner, so creating one needs the write scopes of both.
"""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import (
    OptionalRowId,
    RequestModel,
    success_body,
    validate_body,
    validate_query,
)
from app.serialize.endpoints import (
    serialize_delivery,
    serialize_endpoint,
    serialize_endpoint_with_secret,
)
from core import endpoints
from core.outbox import EVENT_TYPES
from core.validation import ClampedTime
from db.outbox.delivery_log import DeliveryFilter, DeliveryState

blueprint = Blueprint("endpoints", __name__)

READ_SCOPES = ("accounts:read", "posts:read")
WRITE_SCOPES = ("accounts:write", "posts:write")

EndpointUrl = Annotated[str, Field(min_length=1, max_length=2048)]
EventNames = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)]
EndpointDescription = Annotated[str, Field(max_length=200)]


class NewEndpoint(RequestModel):
    url: EndpointUrl
    events: Annotated[EventNames, Field(default_factory=list)]
    description: EndpointDescription = ""


class EndpointChanges(RequestModel):
    url: EndpointUrl | None = None
    events: EventNames | None = None
    description: EndpointDescription | None = None
    enabled: Annotated[bool | None, Field(strict=True)] = None


class DeliveryListQuery(RequestModel):
    event: Annotated[str | None, Field(max_length=100)] = None
    state: DeliveryState | None = None
    since: ClampedTime | None = None
    until: ClampedTime | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class DeadDeliveriesRequest(RequestModel):
    since: ClampedTime
    dry_run: Annotated[bool, Field(strict=True)] = False


class RestoreDeliveriesRequest(RequestModel):
    """Which discard to take back: `discarded_at` is the `discardedAt` that it answered."""

    discarded_at: ClampedTime


@blueprint.get("/api/endpoints")
@require_scopes(*READ_SCOPES)
def list_endpoints() -> dict[str, Any]:
    """List my endpoints, oldest first, and all event types."""
    with current_container().database.transaction() as session:
        rows = endpoints.list_endpoints(session, current_principal().user_id)
    return success_body(data=[serialize_endpoint(row) for row in rows], events=EVENT_TYPES)


@blueprint.post("/api/endpoints")
@require_scopes(*WRITE_SCOPES)
@validate_body(NewEndpoint)
def create_endpoint(body: NewEndpoint) -> tuple[dict[str, Any], int]:
    """Create an endpoint; `secret` is shown once. Without `events` it receives all of them."""
    with current_container().database.transaction() as session:
        created = endpoints.create_endpoint(
            session,
            current_container().services,
            current_principal().user_id,
            url=body.url,
            events=body.events,
            description=body.description,
        )
    return success_body(data=serialize_endpoint_with_secret(created)), 201


@blueprint.get("/api/endpoints/<int:endpoint_id>")
@require_scopes(*READ_SCOPES)
def show_endpoint(endpoint_id: int) -> dict[str, Any]:
    """Show an endpoint."""
    with current_container().database.transaction() as session:
        return success_body(
            data=serialize_endpoint(
                endpoints.get_endpoint(session, endpoint_id, user_id=current_principal().user_id)
            )
        )


@blueprint.patch("/api/endpoints/<int:endpoint_id>")
@require_scopes(*WRITE_SCOPES)
@validate_body(EndpointChanges)
def update_endpoint(endpoint_id: int, body: EndpointChanges) -> dict[str, Any]:
    """Change an endpoint's given fields. Enabling it also delivers the events that waited."""
    with current_container().database.transaction() as session:
        endpoint = endpoints.update_endpoint(
            session,
            current_container().services,
            endpoint_id,
            user_id=current_principal().user_id,
            **body.model_dump(),
        )
        session.refresh(endpoint)
    current_container().services.wake("outbox")
    return success_body(data=serialize_endpoint(endpoint))


@blueprint.delete("/api/endpoints/<int:endpoint_id>")
@require_scopes(*WRITE_SCOPES)
def delete_endpoint(endpoint_id: int) -> dict[str, Any]:
    """Delete an endpoint with its deliveries, pending ones included."""
    with current_container().database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint_id, user_id=current_principal().user_id)
    return success_body()


@blueprint.post("/api/endpoints/<int:endpoint_id>/rotate")
@require_scopes(*WRITE_SCOPES)
def rotate_secret(endpoint_id: int) -> dict[str, Any]:
    """Create a new secret, shown once; the old one stays valid for 24 hours."""
    with current_container().database.transaction() as session:
        created = endpoints.rotate_secret(
            session, current_container().services, endpoint_id, user_id=current_principal().user_id
        )
    return success_body(data=serialize_endpoint_with_secret(created))


@blueprint.post("/api/endpoints/<int:endpoint_id>/test")
@require_scopes(*WRITE_SCOPES)
def send_test_event(endpoint_id: int) -> tuple[dict[str, Any], int]:
    """Send an `endpoint.test` event; the endpoint's deliveries show the result."""
    with current_container().database.transaction() as session:
        view = endpoints.send_test_message(
            session, endpoint_id, user_id=current_principal().user_id
        )
    current_container().services.wake("outbox")
    return success_body(data=serialize_delivery(view)), 202


@blueprint.get("/api/endpoints/<int:endpoint_id>/deliveries")
@require_scopes(*READ_SCOPES)
@validate_query(DeliveryListQuery)
def list_deliveries(endpoint_id: int, query: DeliveryListQuery) -> dict[str, Any]:
    """List an endpoint's deliveries, newest first, with every attempt."""
    with current_container().database.transaction() as session:
        page = endpoints.list_deliveries(
            session,
            endpoint_id,
            user_id=current_principal().user_id,
            limit=query.limit,
            before=query.cursor,
            wanted=DeliveryFilter(query.event, query.state, query.since, query.until),
        )
    next_cursor = None if page.next_before is None else str(page.next_before)
    return success_body(
        data=[serialize_delivery(view) for view in page.deliveries], nextCursor=next_cursor
    )


@blueprint.post("/api/endpoints/<int:endpoint_id>/redeliver")
@require_scopes(*WRITE_SCOPES)
@validate_body(DeadDeliveriesRequest)
def redeliver_dead(endpoint_id: int, body: DeadDeliveriesRequest) -> tuple[dict[str, Any], int]:
    """Deliver again what failed finally since a time, or only count it with `dry_run`.

    One request delivers a thousand events at most.
    """
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        if body.dry_run:
            count = endpoints.count_dead_deliveries(
                session, endpoint_id, user_id=user_id, since=body.since
            )
        else:
            count = endpoints.redeliver_dead(
                session, endpoint_id, user_id=user_id, since=body.since
            )
    if not body.dry_run:
        current_container().services.wake("outbox")
    return success_body(data={"count": count, "dryRun": body.dry_run}), 200 if body.dry_run else 202


@blueprint.post("/api/endpoints/<int:endpoint_id>/discard")
@require_scopes(*WRITE_SCOPES)
@validate_body(DeadDeliveriesRequest)
def discard_dead(endpoint_id: int, body: DeadDeliveriesRequest) -> dict[str, Any]:
    """Give up what failed finally since a time, or only count it with `dry_run`.

    One request gives up the oldest thousand at most; `restore` takes it back.
    """
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        if body.dry_run:
            count = endpoints.count_dead_deliveries(
                session, endpoint_id, user_id=user_id, since=body.since
            )
            return success_body(data={"count": count, "dryRun": True, "discardedAt": None})
        discarded = endpoints.discard_dead(session, endpoint_id, user_id=user_id, since=body.since)
    return success_body(
        data={"count": len(discarded.ids), "dryRun": False, "discardedAt": discarded.at}
    )


@blueprint.post("/api/endpoints/<int:endpoint_id>/restore")
@require_scopes(*WRITE_SCOPES)
@validate_body(RestoreDeliveriesRequest)
def restore_discarded(endpoint_id: int, body: RestoreDeliveriesRequest) -> dict[str, Any]:
    """Make what was given up at this time dead letters again."""
    with current_container().database.transaction() as session:
        ids = endpoints.restore_discarded(
            session, endpoint_id, user_id=current_principal().user_id, at=body.discarded_at
        )
    return success_body(data={"count": len(ids)})


@blueprint.post("/api/deliveries/<int:delivery_id>/redeliver")
@require_scopes(*WRITE_SCOPES)
def request_redelivery(delivery_id: int) -> tuple[dict[str, Any], int]:
    """Deliver an event again under the same webhook-id, whatever its state."""
    with current_container().database.transaction() as session:
        view = endpoints.redeliver_message(
            session, delivery_id, user_id=current_principal().user_id
        )
    current_container().services.wake("outbox")
    return success_body(data=serialize_delivery(view)), 202
