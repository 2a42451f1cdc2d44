"""The Flask endpoints for platforms: webhook deliveries, handshakes, callbacks about a person.

Most deliveries are stored by `app/asgi.py` and never get here. The endpoint for them handles those
of unusual form, and makes every response that is not 200. None needs a login, cookie, CSRF token or
rate limit, because a signature authenticates the sender.
"""

import json
import time
from typing import Any
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, request, url_for
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app.http import request_log
from app.http.context import current_container, request_id
from app.http.path_prefix import build_public_url
from app.http.validation import read_raw_body, success_body
from core import webhooks
from core.errors import CoreError, Invalid
from core.observability import metrics
from db.session import DatabaseUnavailable
from platforms.errors import BadSignature, PlatformError

RECEIVED_BODY = {"success": True, "message": "Webhook received"}
NEW_RESPONSE_BODY = json.dumps(RECEIVED_BODY).encode()
DUPLICATE_RESPONSE_BODY = json.dumps({**RECEIVED_BODY, "duplicate": True}).encode()
"""Serialised once: there are no other bodies of an accepted delivery."""

MAX_CALLBACK_BYTES = 32 * 1024  # a real one has a few hundred
MAX_CALLBACK_FIELDS = 20

blueprint = Blueprint("webhooks", __name__)

log = structlog.get_logger(__name__)


@blueprint.post(request_log.WEBHOOK_ROUTE)
def receive_webhook(provider: str) -> Response:
    """Receive a platform's delivery: 200 once it is stored, also if it was stored before."""
    # Without a webhook secret the answer is 503, and the body is not read.
    webhooks.find_webhook_adapter(current_container().services, provider)
    started_at = time.perf_counter()
    body = read_raw_body(current_container().settings.limits.webhook_max_bytes)
    receipt = store_delivery(provider, body)
    metrics.with_labels(metrics.WEBHOOK_ACK_SECONDS, provider).observe(
        time.perf_counter() - started_at
    )
    return Response(accepted_body(receipt), mimetype="application/json")


@blueprint.get(request_log.WEBHOOK_ROUTE)
def answer_handshake(provider: str) -> Response:
    """Answer a platform's handshake; 405 if this platform sends none."""
    adapter = webhooks.find_webhook_adapter(current_container().services, provider, handshake=True)
    try:
        challenge = adapter.handshake(request.args)
    except ValueError as error:
        raise Invalid(str(error)) from error
    if challenge is None:
        raise MethodNotAllowed(valid_methods=["POST"])
    return Response(challenge, mimetype="text/plain")


@blueprint.post(request_log.WEBHOOK_ROUTE + "/deauthorize")
def receive_deauthorization(provider: str) -> dict[str, Any]:
    """Receive a platform's callback that a person removed our app: their tokens are cleared."""
    container = current_container()
    webhooks.find_callbacks(container.services, provider)  # refused before the body is read
    webhooks.receive_deauthorization(
        container.database, container.services, provider, read_callback_form()
    )
    return success_body(message="Deauthorization received")


@blueprint.post(request_log.WEBHOOK_ROUTE + "/data-deletion")
def receive_data_deletion(provider: str) -> dict[str, str]:
    """Receive a platform's callback that a person wants their data erased."""
    container = current_container()
    webhooks.find_callbacks(container.services, provider)  # refused before the body is read
    receipt = webhooks.receive_deletion_request(
        container.database, container.services, provider, read_callback_form()
    )
    path = url_for("data_deletion_pages.show_request", code=receipt.code)
    return receipt.to_answer(build_public_url(path))


def read_callback_form() -> dict[str, str]:
    """Return the fields of the form. Errors: Invalid; RequestEntityTooLarge (413)."""
    body = read_raw_body(MAX_CALLBACK_BYTES)
    try:
        fields = parse_qsl(body.decode(), max_num_fields=MAX_CALLBACK_FIELDS)
    except ValueError as error:
        raise Invalid("the body is not a form", code="invalid_payload") from error
    return dict(fields)


def store_delivery(provider: str, body: bytes) -> webhooks.Receipt:
    """Verify and store the current request's body.

    Errors: those of `verify_delivery` and `receive_delivery`; WriterBusy for any other fault, so
    that the platform sends the delivery again.
    """
    container, handover = current_container(), request_log.find_handover()
    try:
        if handover:
            handover.raise_error()
        delivery = webhooks.verify_delivery(
            container.services,
            provider,
            dict(request.headers),
            body,
            correlation_id=request_id(),
        )
        return webhooks.receive_delivery(container.event_writer, delivery)
    except (BadSignature, Invalid) as refusal:
        reason = refusal.reason if isinstance(refusal, BadSignature) else refusal.code
        container.refusals.add(provider, reason, body, correlation_id=request_id())
        raise
    except (CoreError, PlatformError, DatabaseUnavailable, HTTPException):
        raise
    except Exception as error:
        log.exception("webhook.receive_failed", provider=provider)
        reason = f"the delivery could not be stored: {type(error).__name__}"
        raise webhooks.WriterBusy(reason) from error


def accepted_body(receipt: webhooks.Receipt) -> bytes:
    return DUPLICATE_RESPONSE_BODY if receipt.is_duplicate else NEW_RESPONSE_BODY
