"""TikTok's side of the control API: settings, creators, posts, and events on demand.

Not part of the platform: whoever asks here plays the creator, the moderator or the operator.
"""

from dataclasses import asdict, fields, replace
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.controls import read_json_object
from platforms.sandbox.deliveries import FORGERIES
from platforms.sandbox.tiktok import events, post_lifecycle
from platforms.sandbox.tiktok.creators import SandboxCreator
from platforms.sandbox.tiktok.post_actions import ACTIONS
from platforms.sandbox.tiktok.settings import LIFETIME_PROFILES, RESTART_CHOICES, SandboxSettings
from platforms.sandbox.tiktok.state import current_tiktok

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
            raise BadRequest(f"{name}: one of {', '.join(map(repr, choices))}")
    if changes.get("webhook_url") and not events.is_webhook_url(changes["webhook_url"]):
        raise BadRequest("webhook_url: https, or http on loopback")
    with current_tiktok().lock:
        current_tiktok().settings = replace(current_tiktok().settings, **changes)
    return show_settings()


@routes.delete("/settings")
def reset_settings() -> Json:
    """Back to the defaults; the callback stays."""
    current_tiktok().settings = SandboxSettings(webhook_url=current_tiktok().settings.webhook_url)
    return show_settings()


@routes.get("/creators")
def list_creators() -> Json:
    return {"creators": [asdict(one) for one in current_tiktok().creators.values()]}


@routes.post("/creators")
def save_creator() -> Json:
    """A new creator, or new traits of a known one."""
    traits, tiktok = check_fields(SandboxCreator, read_json_object()), current_tiktok()
    open_id = traits.get("open_id") or "-000" + traits.get("username", "nobody")
    with tiktok.lock:
        creator = tiktok.creators.get(open_id, SandboxCreator(open_id))
        tiktok.creators[open_id] = replace(creator, **{**traits, "open_id": open_id})
        return asdict(tiktok.creators[open_id])


@routes.post("/creators/<open_id>/disconnect")
def disconnect_creator(open_id: str) -> Json:
    """As the creator does it in the app, or for another `reason` of authorization.removed."""
    tiktok, reason = current_tiktok(), read_json_object().get("reason", post_lifecycle.REASON_USER)
    if open_id not in tiktok.creators or type(reason) is not int:
        raise NotFound("no such creator")
    with tiktok.lock:
        post_lifecycle.disconnect_creator(tiktok, open_id, reason=reason)
    return {"open_id": open_id, "reason": reason}


@routes.get("/posts")
def list_posts() -> Json:
    with current_tiktok().lock:
        return {"posts": [post.as_dict() for post in current_tiktok().posts.all()]}


@routes.post("/posts/<publish_id>/<act>")
def run_action(publish_id: str, act: str) -> Json:
    tiktok, params = current_tiktok(), read_json_object()
    with tiktok.lock:
        post = tiktok.posts.get(publish_id)
        if post is None or act not in ACTIONS:
            raise NotFound(f"no such post, or no such act: {', '.join(ACTIONS)}")
        ACTIONS[act](tiktok, post, params)
        return post.as_dict()


@routes.post("/webhooks")
def send_event() -> Json:
    """Any event on demand, known or not; `spoil` makes a one-off forgery of it."""
    params = read_json_object()
    content, forgery = params.get("content", {}), params.get("spoil")
    if not isinstance(content, dict) or forgery not in {None, *FORGERIES}:
        raise BadRequest(f"content: an object; spoil: one of {', '.join(FORGERIES)}")
    event = str(params.get("event", "tiktok.ping"))
    sent = events.send_event(
        current_tiktok(), event, str(params.get("open_id", "")), content, forgery=forgery
    )
    if sent is None:
        raise BadRequest("the app has no webhook_url")
    return {"id": sent.id, "event": event}


@routes.get("/warnings")
def list_warnings() -> Json:
    """What an audit would object to."""
    return {"warnings": list(current_tiktok().warnings)}


def check_fields(kind: type[SandboxSettings] | type[SandboxCreator], given: Json) -> Json:
    """Errors: BadRequest for unknown names and wrong types: a typo must not pass as a setting."""
    types = {field.name: field.type for field in fields(kind)}
    for name, value in given.items():
        wanted = types.get(name)
        is_number = wanted is float and type(value) is int
        if not is_number and type(value) is not wanted:
            raise BadRequest(f"{name}: unknown, or not {getattr(wanted, '__name__', 'there')}")
    return given
