"""Hears the platforms: raw bytes in, an answer when they are stored. Looks at no content.

Open to everybody, since the signature decides; no cookie, limit or login stands before it.
"""

import json
import time

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.http import request_log
from app.http.context import current_container, request_id
from app.http.validation import read_raw_body
from core import webhooks
from core.errors import CoreError, Invalid
from core.observability import metrics
from db.session import DatabaseUnavailable
from platforms.errors import PlatformError

WEBHOOK_ROUTE = "/api/webhooks/<provider>"

blueprint = Blueprint("webhooks", __name__)

RECEIVED_BODY = {"success": True, "message": "Webhook received"}
RESPONSE_BODIES = {
    False: json.dumps(RECEIVED_BODY).encode(),
    True: json.dumps({**RECEIVED_BODY, "duplicate": True}).encode(),
}
"""By whether it was here before. There are no others, so they are written once."""

log = structlog.get_logger(__name__)


@blueprint.post(WEBHOOK_ROUTE)
def receive_webhook(provider: str) -> Response:
    """A platform's delivery: 200 once it is stored, also if it was here before."""
    webhooks.find_webhook_adapter(
        current_container().services, provider
    )  # without a key for it, not a byte is read
    started_at = time.perf_counter()
    is_duplicate = store_delivery(
        provider, read_raw_body(current_container().settings.limits.webhook_max_bytes)
    )
    metrics.with_labels(metrics.WEBHOOK_ACK_SECONDS, provider).observe(
        time.perf_counter() - started_at
    )
    return Response(RESPONSE_BODIES[is_duplicate], mimetype="application/json")


@blueprint.get(WEBHOOK_ROUTE)
def answer_handshake(provider: str) -> Response:
    """A platform's handshake, where it has one."""
    try:
        challenge = webhooks.find_webhook_adapter(
            current_container().services, provider, handshake=True
        ).handshake(request.args)
    except ValueError as error:
        raise Invalid(str(error)) from error
    if challenge is None:
        raise MethodNotAllowed(valid_methods=["POST"])
    return Response(challenge, mimetype="text/plain")


def store_delivery(provider: str, body: bytes) -> bool:
    """Whether all of it was here before. Errors: those of `judged` and `receive`, and no others."""
    headers, handover = dict(request.headers), request_log.find_handover()
    try:
        if handover:
            handover.raise_error()
        delivery = webhooks.verify_delivery(
            current_container().services, provider, headers, body, correlation_id=request_id()
        )
        return webhooks.receive_delivery(current_container().event_writer, delivery).is_duplicate
    except (CoreError, PlatformError, DatabaseUnavailable, HTTPException):
        raise
    except Exception as error:  # a fault of ours must not end what the platform would repeat
        log.exception("webhook.failed", provider=provider)
        raise webhooks.WriterBusy(type(error).__name__) from error
