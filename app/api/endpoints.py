"""Endpoints of host applications: where they are told, with what it is signed, how each try went.

A secret is in one answer only. Who makes an endpoint hears of posts and accounts from then on, so
it takes the right to change both.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import RequestModel, ok, validate_body, validate_query
from core import endpoints
from core.endpoints import CreatedEndpoint, DeliveryDetails
from core.outbox import EVENT_TYPES
from db.outbox.deliveries import DeliveryAttempt
from db.outbox.endpoints import Endpoint

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
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1, lt=2**63)] = None


@blueprint.get("/api/endpoints")
@require_scopes(*READ_SCOPES)
def list_endpoints() -> dict[str, Any]:
    """My endpoints, the oldest first, and every event there is."""
    with current_container().database.transaction() as session:
        found = endpoints.list_endpoints(session, current_principal().user_id)
    return ok(data=[serialize_endpoint(each) for each in found], events=EVENT_TYPES)


@blueprint.post("/api/endpoints")
@require_scopes(*WRITE_SCOPES)
@validate_body(NewEndpoint)
def create_endpoint(body: NewEndpoint) -> tuple[dict[str, Any], int]:
    """A new endpoint; `secret` is shown this once. No events named: all of them."""
    with current_container().database.transaction() as session:
        created = endpoints.create_endpoint(
            session,
            current_container().services,
            current_principal().user_id,
            url=body.url,
            events=body.events,
            description=body.description,
        )
    return ok(data=serialize_endpoint_with_secret(created)), 201


@blueprint.get("/api/endpoints/<int:endpoint_id>")
@require_scopes(*READ_SCOPES)
def show_endpoint(endpoint_id: int) -> dict[str, Any]:
    """An endpoint of mine."""
    with current_container().database.transaction() as session:
        return ok(
            data=serialize_endpoint(
                endpoints.get_endpoint(session, endpoint_id, user_id=current_principal().user_id)
            )
        )


@blueprint.patch("/api/endpoints/<int:endpoint_id>")
@require_scopes(*WRITE_SCOPES)
@validate_body(EndpointChanges)
def update_endpoint(endpoint_id: int, body: EndpointChanges) -> dict[str, Any]:
    """Change what is named. Enabled again, it is told what waited for it meanwhile."""
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
    return ok(data=serialize_endpoint(endpoint))


@blueprint.delete("/api/endpoints/<int:endpoint_id>")
@require_scopes(*WRITE_SCOPES)
def delete_endpoint(endpoint_id: int) -> dict[str, Any]:
    """Remove an endpoint of mine, with its log and what was still to be delivered there."""
    with current_container().database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint_id, user_id=current_principal().user_id)
    return ok()


@blueprint.post("/api/endpoints/<int:endpoint_id>/rotate")
@require_scopes(*WRITE_SCOPES)
def rotate_secret(endpoint_id: int) -> dict[str, Any]:
    """A new secret, shown this once; the old one signs beside it for 24 hours."""
    with current_container().database.transaction() as session:
        created = endpoints.rotate_secret(
            session, current_container().services, endpoint_id, user_id=current_principal().user_id
        )
    return ok(data=serialize_endpoint_with_secret(created))


@blueprint.post("/api/endpoints/<int:endpoint_id>/test")
@require_scopes(*WRITE_SCOPES)
def send_test_event(endpoint_id: int) -> tuple[dict[str, Any], int]:
    """Send it an `endpoint.test`; how that goes stands in its deliveries."""
    with current_container().database.transaction() as session:
        view = endpoints.send_test_message(
            session, endpoint_id, user_id=current_principal().user_id
        )
    current_container().services.wake("outbox")
    return ok(data=serialize_delivery(view)), 202


@blueprint.get("/api/endpoints/<int:endpoint_id>/deliveries")
@require_scopes(*READ_SCOPES)
@validate_query(DeliveryListQuery)
def list_deliveries(endpoint_id: int, query: DeliveryListQuery) -> dict[str, Any]:
    """What it was told, the newest first, with every try."""
    with current_container().database.transaction() as session:
        page = endpoints.list_deliveries(
            session,
            endpoint_id,
            user_id=current_principal().user_id,
            limit=query.limit,
            before=query.cursor,
        )
    next_cursor = None if page.next_before is None else str(page.next_before)
    return ok(data=[serialize_delivery(each) for each in page.deliveries], nextCursor=next_cursor)


@blueprint.post("/api/deliveries/<int:delivery_id>/redeliver")
@require_scopes(*WRITE_SCOPES)
def request_redelivery(delivery_id: int) -> tuple[dict[str, Any], int]:
    """Deliver it once more, under the same webhook-id, whatever became of it."""
    with current_container().database.transaction() as session:
        view = endpoints.redeliver_message(
            session, delivery_id, user_id=current_principal().user_id
        )
    current_container().services.wake("outbox")
    return ok(data=serialize_delivery(view)), 202


def serialize_endpoint(endpoint: Endpoint) -> dict[str, Any]:
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


def serialize_endpoint_with_secret(created: CreatedEndpoint) -> dict[str, Any]:
    return {**serialize_endpoint(created.endpoint), "secret": created.secret.reveal()}


def serialize_delivery(view: DeliveryDetails) -> dict[str, Any]:
    row, message = view.delivery, view.message
    return {
        "id": row.id,
        "webhookId": message.name,
        "type": message.type,
        "subject": message.subject,
        "sequence": message.sequence,
        "state": view.state,
        "nextTryAt": row.due_at,
        "deliveredAt": row.delivered_at,
        "createdAt": row.created_at,
        "body": message.body,
        "tries": serialize_attempts(view.tries),
    }


def serialize_attempts(attempts: Sequence[DeliveryAttempt]) -> list[dict[str, Any]]:
    return [
        {
            "number": attempt.number,
            "at": attempt.started_at,
            "milliseconds": attempt.milliseconds,
            "status": attempt.status,
            "error": attempt.error,
            "answer": attempt.answer,
        }
        for attempt in attempts
    ]
