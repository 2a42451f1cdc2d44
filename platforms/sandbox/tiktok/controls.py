"""TikTok's side of the control API: settings, creators, posts, and events on demand.

Not part of the platform: whoever asks here plays the creator, the moderator or the operator.
"""

from dataclasses import asdict, fields, replace
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.controls import wish
from platforms.sandbox.letters import SPOILS
from platforms.sandbox.tiktok import course, events
from platforms.sandbox.tiktok.acts import ACTS
from platforms.sandbox.tiktok.creators import Creator
from platforms.sandbox.tiktok.settings import PROFILES, RESTARTS, Settings
from platforms.sandbox.tiktok.state import here

controls = Blueprint("tiktok_controls", __name__, url_prefix="/_sandbox")

Json = dict[str, Any]
CHOICES = {"profile": (*PROFILES,), "refresh_restarts": ("", *RESTARTS)}


@controls.errorhandler(BadRequest)
@controls.errorhandler(NotFound)
def refused(error: BadRequest | NotFound) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


@controls.get("/settings")
def settings() -> Json:
    return asdict(here().settings)


@controls.post("/settings")
def set_up() -> Json:
    changes = checked(Settings, wish())
    for name, choices in CHOICES.items():
        if name in changes and changes[name] not in choices:
            raise BadRequest(f"{name}: one of {', '.join(map(repr, choices))}")
    if changes.get("webhook_url") and not events.is_callback(changes["webhook_url"]):
        raise BadRequest("webhook_url: https, or http on loopback")
    with here().lock:
        here().settings = replace(here().settings, **changes)
    return settings()


@controls.delete("/settings")
def reset() -> Json:
    """Back to the defaults; the callback stays."""
    here().settings = Settings(webhook_url=here().settings.webhook_url)
    return settings()


@controls.get("/creators")
def creators() -> Json:
    return {"creators": [asdict(one) for one in here().creators.values()]}


@controls.post("/creators")
def invent() -> Json:
    """A new creator, or new traits of a known one."""
    traits, tiktok = checked(Creator, wish()), here()
    open_id = traits.get("open_id") or "-000" + traits.get("username", "nobody")
    with tiktok.lock:
        known = tiktok.creators.get(open_id, Creator(open_id))
        tiktok.creators[open_id] = replace(known, **{**traits, "open_id": open_id})
        return asdict(tiktok.creators[open_id])


@controls.post("/creators/<open_id>/disconnect")
def disconnect(open_id: str) -> Json:
    """As the creator does it in the app, or for another `reason` of authorization.removed."""
    tiktok, reason = here(), wish().get("reason", course.USER)
    if open_id not in tiktok.creators or type(reason) is not int:
        raise NotFound("no such creator")
    with tiktok.lock:
        course.disconnect(tiktok, open_id, reason=reason)
    return {"open_id": open_id, "reason": reason}


@controls.get("/posts")
def posts() -> Json:
    with here().lock:
        return {"posts": [post.told() for post in here().posts.all()]}


@controls.post("/posts/<publish_id>/<act>")
def act(publish_id: str, act: str) -> Json:
    tiktok, asked = here(), wish()
    with tiktok.lock:
        post = tiktok.posts.get(publish_id)
        if post is None or act not in ACTS:
            raise NotFound(f"no such post, or no such act: {', '.join(ACTS)}")
        ACTS[act](tiktok, post, asked)
        return post.told()


@controls.post("/webhooks")
def tell() -> Json:
    """Any event on demand, known or not; `spoil` makes a one-off forgery of it."""
    asked = wish()
    content, spoil = asked.get("content", {}), asked.get("spoil")
    if not isinstance(content, dict) or spoil not in {None, *SPOILS}:
        raise BadRequest(f"content: an object; spoil: one of {', '.join(SPOILS)}")
    event = str(asked.get("event", "tiktok.ping"))
    sent = events.tell(here(), event, str(asked.get("open_id", "")), content, spoil=spoil)
    if sent is None:
        raise BadRequest("the app has no webhook_url")
    return {"id": sent.id, "event": event}


@controls.get("/warnings")
def warnings() -> Json:
    """What an audit would object to."""
    return {"warnings": list(here().warnings)}


def checked(kind: type[Settings] | type[Creator], given: Json) -> Json:
    """Errors: BadRequest for unknown names and wrong types: a typo must not pass as a setting."""
    types = {field.name: field.type for field in fields(kind)}
    for name, value in given.items():
        wanted = types.get(name)
        is_number = wanted is float and type(value) is int
        if not is_number and type(value) is not wanted:
            raise BadRequest(f"{name}: unknown, or not {getattr(wanted, '__name__', 'there')}")
    return given
