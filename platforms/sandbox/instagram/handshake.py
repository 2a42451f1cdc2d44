"""The app's webhook subscription: Meta asks the callback for the challenge before it delivers.

Source: Meta, webhooks, verification requests, and the edge `/{app-id}/subscriptions`, read
2026-11-22; code 2200 as observed.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint

from platforms.sandbox.instagram.access import GraphCaller, read_list_param, read_params
from platforms.sandbox.instagram.graph_errors import GraphError, invalid_parameter, object_missing
from platforms.sandbox.instagram.graph_route import FACEBOOK_HOST, graph_route
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.subscriptions import ACCOUNT_FIELD_NAMES
from platforms.sandbox.instagram.tokens import APP, FACEBOOK, INSTAGRAM
from platforms.sandbox.urls import is_https_or_loopback, request_target

routes = Blueprint("instagram_handshake", __name__)

HANDSHAKE_TIMEOUT = 5.0  # seconds
VERIFICATION_CODE = 2200
MAX_CHALLENGE_SIZE = 1_024  # bytes
OK = 200


@graph_route(routes, "POST", "/<app_id>/subscriptions", hosts=(FACEBOOK_HOST,), is_locked=False)
def subscribe_app(caller: GraphCaller, app_id: str) -> dict[str, Any]:
    """Set webhook URL and fields of the app, with the app's own token."""
    state = current_instagram()
    if caller.kind != APP or app_id != state.facebook_app.id:
        raise object_missing(app_id)
    params = read_params()
    fields = read_list_param(params, "fields")
    register_subscription(state, FACEBOOK, {**params, "fields": ",".join(fields)})
    return {"success": True}


@graph_route(routes, "GET", "/<app_id>/subscriptions", hosts=(FACEBOOK_HOST,))
def list_subscriptions(caller: GraphCaller, app_id: str) -> dict[str, Any]:
    state = current_instagram()
    if caller.kind != APP or app_id != state.facebook_app.id:
        raise object_missing(app_id)
    fields = [
        {"name": name, "version": "v26.0"} for name in state.settings.app_fields.split(",") if name
    ]
    subscription = {
        "object": "instagram",
        "callback_url": state.settings.webhook_url,
        "active": True,
        "fields": fields,
    }
    return {"data": [subscription] if state.settings.webhook_url else []}


def register_subscription(state: InstagramState, flavour: str, params: Mapping[str, Any]) -> None:
    """Verify the callback and set it. Errors: GraphError 2200 if it does not echo the challenge."""
    if params.get("object", "instagram") != "instagram":
        raise invalid_parameter("Param object must be one of {instagram}")
    url, token = str(params.get("callback_url", "")), str(params.get("verify_token", ""))
    fields = [name for name in str(params.get("fields", "")).split(",") if name]
    unknown = [name for name in fields if name not in ACCOUNT_FIELD_NAMES]
    if not is_https_or_loopback(url):
        raise invalid_parameter("The parameter callback_url has to be an https address")
    if unknown:
        raise invalid_parameter(
            f"Param fields[0] must be one of {{{', '.join(ACCOUNT_FIELD_NAMES)}}}"
        )
    verify_callback(url, token)
    changes: dict[str, Any] = {
        "instagram_webhook_url" if flavour == INSTAGRAM else "webhook_url": url
    }
    if fields:
        changes["app_fields"] = ",".join(fields)
    with state.lock:
        state.settings = replace(state.settings, **changes)


def verify_callback(url: str, verify_token: str) -> None:
    """Errors: GraphError 2200 unless the callback answers 200 with the bare challenge."""
    challenge = str(secrets.randbelow(10**9) + 10**9)
    query = urlencode(
        {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token,
        }
    )
    parts = urlsplit(url)
    target = request_target(parts)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connection_class(parts.hostname or "", parts.port, timeout=HANDSHAKE_TIMEOUT)
    try:
        connection.request("GET", f"{target}{'&' if '?' in target else '?'}{query}")
        response = connection.getresponse()
        body = response.read(MAX_CHALLENGE_SIZE).decode(errors="replace")
    except (OSError, HTTPException):
        raise verification_failed("The callback did not answer") from None
    finally:
        connection.close()
    if response.status != OK:
        raise verification_failed(f"HTTP Status Code = {response.status}")
    if body.strip() != challenge:
        raise verification_failed("The callback did not return the challenge")


def verification_failed(reason: str) -> GraphError:
    return GraphError(
        f"(#2200) Callback verification failed with the following errors: {reason}",
        VERIFICATION_CODE,
    )
