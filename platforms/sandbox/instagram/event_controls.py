"""The control that sends webhook deliveries of any content, in any shape, valid or forged."""

import random
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest

from platforms.sandbox.control_api import read_json_object
from platforms.sandbox.instagram.delivery_bodies import DELIVERY_SHAPES, EntryChange
from platforms.sandbox.instagram.delivery_signatures import SIGNATURE_FORGERIES
from platforms.sandbox.instagram.state import current_instagram
from platforms.sandbox.instagram.tokens import FACEBOOK, INSTAGRAM
from platforms.sandbox.instagram.webhook_events import (
    MAX_CHANGES,
    DeliveryOptions,
    send_change,
    send_changes,
)

routes = Blueprint("instagram_event_controls", __name__, url_prefix="/_sandbox/instagram")

Json = dict[str, Any]
CHANGE_NAMES = frozenset({"account_id", "field", "value"})
EVENT_NAMES = frozenset(
    {"changes", "flavour", "shape", "forgery", "is_shuffled", "is_split_on_retry", "copies"}
)
MAX_COPIES = 100


@routes.errorhandler(BadRequest)
def handle_error(error: BadRequest) -> tuple[Response, int]:
    return jsonify(error=error.description), 400


@routes.post("/test-event")
def send_event() -> Json:
    """Send up to 1000 changes of any accounts in one delivery, subscribed or not.

    A change has `account_id`, `field` (also `messaging` and `standby`) and `value`. `copies`: send
    the delivery so many times.
    """
    params = read_json_object()
    if unknown := sorted(set(params) - EVENT_NAMES):
        raise BadRequest(
            f"{unknown[0]}: unknown; has to be one of {', '.join(sorted(EVENT_NAMES))}"
        )
    changes = read_changes(params)
    if params.get("is_shuffled"):
        random.shuffle(changes)
    options, flavour = read_options(params), params.get("flavour", FACEBOOK)
    copies = params.get("copies", 1)
    if flavour not in {FACEBOOK, INSTAGRAM}:
        raise BadRequest("flavour: has to be facebook or instagram")
    if type(copies) is not int or not 1 <= copies <= MAX_COPIES:
        raise BadRequest(f"copies: has to be a whole number from 1 to {MAX_COPIES}")
    deliveries = [
        send_changes(current_instagram(), flavour, changes, options) for _ in range(copies)
    ]
    ids = [delivery.id for delivery in deliveries if delivery is not None]
    if not ids:
        raise BadRequest("no delivery can be sent: the setting webhook_url is empty")
    return {"ids": ids, "changes": len(changes)}


@routes.post("/live-event")
def send_live_event() -> Json:
    """Let a change happen: it is delivered only if app, account and subscription allow it."""
    change = read_change(read_json_object())
    state = current_instagram()
    account = state.accounts.get(change.account_id)
    if account is None or not isinstance(change.value, dict):
        raise BadRequest("account_id: no account has it, or value is no object")
    with state.lock:
        deliveries = send_change(state, account, change.field, change.value)
    return {"ids": [delivery.id for delivery in deliveries]}


def read_options(params: Json) -> DeliveryOptions:
    """Errors: BadRequest for an unknown shape or forgery."""
    shape, forgery = params.get("shape", "changes"), params.get("forgery")
    if shape not in DELIVERY_SHAPES:
        raise BadRequest(f"shape: has to be one of {', '.join(DELIVERY_SHAPES)}")
    if forgery not in {None, *SIGNATURE_FORGERIES}:
        raise BadRequest(f"forgery: has to be one of {', '.join(SIGNATURE_FORGERIES)}")
    return DeliveryOptions(shape, forgery, bool(params.get("is_split_on_retry")))


def read_changes(params: Json) -> list[EntryChange]:
    changes = params.get("changes")
    if not isinstance(changes, list) or not 1 <= len(changes) <= MAX_CHANGES:
        raise BadRequest(f"changes: has to be a list of 1 to {MAX_CHANGES} changes")
    return [read_change(item) for item in changes]


def read_change(item: Any) -> EntryChange:
    if not isinstance(item, dict) or not set(item) <= CHANGE_NAMES or "field" not in item:
        raise BadRequest(f"a change has {', '.join(sorted(CHANGE_NAMES))}")
    return EntryChange(str(item.get("account_id", "0")), str(item["field"]), item.get("value"))
