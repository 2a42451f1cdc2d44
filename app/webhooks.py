"""Hears the platforms: raw bytes in, an answer when they are stored. Looks at no content.

Open to everybody, since the signature decides; no cookie, limit or login stands before it.
"""

import json
import time

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app import trace
from app.body import raw
from app.context import house, request_id
from core import webhooks
from core.errors import CoreError, Invalid
from core.watch import metrics
from db.session import StoreAway
from platforms.errors import PlatformError

ROUTE = "/api/webhooks/<provider>"

blueprint = Blueprint("webhooks", __name__)

RECEIVED = {"success": True, "message": "Webhook received"}
ANSWERS = {
    False: json.dumps(RECEIVED).encode(),
    True: json.dumps({**RECEIVED, "duplicate": True}).encode(),
}
"""By whether it was here before. There are no others, so they are written once."""

log = structlog.get_logger(__name__)


@blueprint.post(ROUTE)
def hear(provider: str) -> Response:
    """A platform's delivery: 200 once it is stored, also if it was here before."""
    webhooks.ear(house().world, provider)  # without a key for it, not a byte is read
    began = time.perf_counter()
    duplicate = stored(provider, raw(house().settings.limits.webhook_max_bytes))
    metrics.of(metrics.WEBHOOK_ACK, provider).observe(time.perf_counter() - began)
    return Response(ANSWERS[duplicate], mimetype="application/json")


@blueprint.get(ROUTE)
def greet(provider: str) -> Response:
    """A platform's handshake, where it has one."""
    try:
        answer = webhooks.ear(house().world, provider, greeting=True).handshake(request.args)
    except ValueError as fault:
        raise Invalid(str(fault)) from fault
    if answer is None:
        raise MethodNotAllowed(valid_methods=["POST"])
    return Response(answer, mimetype="text/plain")


def stored(provider: str, body: bytes) -> bool:
    """Whether all of it was here before. Errors: those of `judged` and `receive`, and no others."""
    headers, before = dict(request.headers), trace.handed()
    try:
        if before:
            before.resume()
        known = webhooks.judged(house().world, provider, headers, body, correlation_id=request_id())
        return webhooks.receive(house().inbox, known).duplicate
    except (CoreError, PlatformError, StoreAway, HTTPException):
        raise
    except Exception as error:  # a fault of ours must not end what the platform would repeat
        log.exception("webhook.failed", provider=provider)
        raise webhooks.Busy(type(error).__name__) from error
