"""Endpoints of host applications and their deliveries, as the API shows them."""

from typing import Any

from core.endpoints import CreatedEndpoint, DeliveryDetails
from db.outbox.deliveries import DeliveryAttempt
from db.outbox.endpoints import Endpoint


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
    """An endpoint with its new secret: the only answer that contains it."""
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
        "tries": [serialize_attempt(attempt) for attempt in view.attempts],
    }


def serialize_attempt(attempt: DeliveryAttempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": attempt.started_at,
        "milliseconds": attempt.milliseconds,
        "status": attempt.status,
        "error": attempt.error,
        "answer": attempt.answer,
    }
