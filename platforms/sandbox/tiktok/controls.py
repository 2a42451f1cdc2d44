"""TikTok's part of the control API: settings, creators, posts, and events on demand.

Its callers act as the creator, a moderator or the operator; TikTok has no such endpoints.
"""

from dataclasses import asdict, replace
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.control_api import check_fields, read_json_object
from platforms.sandbox.deliveries import FORGERIES
from platforms.sandbox.tiktok import events, post_lifecycle
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.post_actions import ACTIONS
from platforms.sandbox.tiktok.settings import LIFETIME_PROFILES, RESTART_CHOICES, SandboxSettings
from platforms.sandbox.tiktok.state import current_tiktok
from platforms.sandbox.urls import is_https_or_loopback

routes = Blueprint("tiktok_controls", __name__, url_prefix="/_sandbox")

Json = dict[str, Any]
SETTING_CHOICES = {"profile": (*LIFETIME_PROFILES,), "refresh_restarts": ("", *RESTART_CHOICES)}


@routes.errorhandler(BadRequest)
@routes.errorhandler(NotFound)
def handle_error(error: BadRequest | NotFound) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


@routes.get("/settings")
def show_settings() -> Json:
    return asdict(current_tiktok().settings)


@routes.post("/settings")
def update_settings() -> Json:
    changes = check_fields(SandboxSettings, read_json_object())
    for name, choices in SETTING_CHOICES.items():
        if name in changes and changes[name] not in choices:
            raise BadRequest(f"{name}: has to be one of {', '.join(map(repr, choices))}")
    if changes.get("webhook_url") and not is_https_or_loopback(changes["webhook_url"]):
        raise BadRequest("webhook_url: has to be https, or http on loopback")
    with current_tiktok().lock:
        current_tiktok().settings = replace(current_tiktok().settings, **changes)
    return show_settings()


@routes.delete("/settings")
def reset_settings() -> Json:
    """Set the defaults again; the webhook URL stays."""
    current_tiktok().settings = SandboxSettings(webhook_url=current_tiktok().settings.webhook_url)
    return show_settings()


@routes.get("/creators")
def list_creators() -> Json:
    return {"creators": [asdict(creator) for creator in current_tiktok().creators.values()]}


@routes.post("/creators")
def save_creator() -> Json:
    """Add a creator, or change one."""
    traits, tiktok = check_fields(SandboxCreator, read_json_object()), current_tiktok()
    open_id = traits.get("open_id") or "-000" + traits.get("username", "nobody")
    with tiktok.lock:
        creator = tiktok.creators.get(open_id, SandboxCreator(open_id))
        tiktok.creators[open_id] = replace(creator, **{**traits, "open_id": open_id})
        return asdict(tiktok.creators[open_id])


@routes.post("/creators/<open_id>/disconnect")
def disconnect_creator(open_id: str) -> Json:
    """End the creator's grant, as the creator does in the app, or with another `reason`."""
    tiktok, reason = current_tiktok(), read_json_object().get("reason", post_lifecycle.REASON_USER)
    if open_id not in tiktok.creators or type(reason) is not int:
        raise NotFound("no creator has this open_id, or reason is not a whole number")
    with tiktok.lock:
        post_lifecycle.disconnect_creator(tiktok, open_id, reason=reason)
    return {"open_id": open_id, "reason": reason}


@routes.get("/posts")
def list_posts() -> Json:
    with current_tiktok().lock:
        return {"posts": [post.as_dict() for post in current_tiktok().posts.all()]}


@routes.post("/posts/<publish_id>/<action>")
def run_action(publish_id: str, action: str) -> Json:
    tiktok, params = current_tiktok(), read_json_object()
    with tiktok.lock:
        post = tiktok.posts.get(publish_id)
        if post is None or action not in ACTIONS:
            raise NotFound(
                f"no post has this publish_id, or the action is not one of {', '.join(ACTIONS)}"
            )
        ACTIONS[action](tiktok, post, params)
        return post.as_dict()


@routes.post("/webhooks")
def send_event() -> Json:
    """Send an event, a documented one or any other; `spoil` sends a forged delivery, once."""
    params = read_json_object()
    content, forgery = params.get("content", {}), params.get("spoil")
    if not isinstance(content, dict):
        raise BadRequest("content: has to be an object")
    if forgery not in {None, *FORGERIES}:
        raise BadRequest(f"spoil: has to be one of {', '.join(FORGERIES)}")
    event = str(params.get("event", "tiktok.ping"))
    delivery = events.send_event(
        current_tiktok(), event, str(params.get("open_id", "")), content, forgery=forgery
    )
    if delivery is None:
        raise BadRequest("no delivery can be sent: the setting webhook_url is empty")
    return {"id": delivery.id, "event": event}


@routes.get("/warnings")
def list_warnings() -> Json:
    """List what TikTok's audit would object to."""
    return {"warnings": list(current_tiktok().warnings)}
