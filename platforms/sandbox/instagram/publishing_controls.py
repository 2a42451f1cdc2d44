"""Controls of publishing: containers, media that was really published, and their outcomes."""

from collections import Counter
from typing import Any

from flask import Blueprint, Response, jsonify
from werkzeug.exceptions import BadRequest, NotFound

from platforms.sandbox.control_api import read_json_object
from platforms.sandbox.instagram.container_outcomes import OUTCOMES, apply_outcome
from platforms.sandbox.instagram.state import current_instagram

routes = Blueprint("instagram_publishing_controls", __name__, url_prefix="/_sandbox/instagram")

Json = dict[str, Any]
MEDIA_SWITCHES = frozenset(
    {"is_archived", "is_flagged", "is_like_count_hidden", "is_comment_enabled"}
)


@routes.errorhandler(BadRequest)
@routes.errorhandler(NotFound)
def handle_error(error: BadRequest | NotFound) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code


@routes.get("/containers")
def list_containers() -> Json:
    state = current_instagram()
    with state.lock:
        return {"containers": [each.as_dict(state.now) for each in state.containers.values()]}


@routes.get("/media")
def list_published_media() -> Json:
    """List what was really published, in that order; `is_deleted`: deleted since."""
    state = current_instagram()
    with state.lock:
        return {
            "media": [
                {
                    "id": record.media_id,
                    "account_id": record.account_id,
                    "container_id": record.container_id,
                    "media_product_type": record.media_product_type,
                    "media_type": record.media_type,
                    "caption": record.caption,
                    "at": record.at,
                    "is_deleted": record.media_id not in state.media,
                    "media": state.media[record.media_id].as_dict()
                    if record.media_id in state.media
                    else None,
                }
                for record in state.publishing.records
            ]
        }


@routes.get("/ledger")
def show_ledger() -> Json:
    """Count the posts of each account with the same caption and type: no count may exceed one."""
    state = current_instagram()
    with state.lock:
        counts = Counter(
            (record.account_id, record.caption, record.media_product_type)
            for record in state.publishing.records
        )
    return {
        "ledger": [
            {
                "account_id": account_id,
                "caption": caption,
                "media_product_type": kind,
                "count": count,
            }
            for (account_id, caption, kind), count in counts.items()
        ]
    }


@routes.post("/container-outcome")
def set_container_outcome() -> Json:
    """Decide about a container, or about the next one of an account.

    `container_id` or `account_id`, and `outcome`; `subcode` of an error, `times` of a late one.
    """
    state, params = current_instagram(), read_json_object()
    check_outcome(params)
    outcome: Json = {
        name: params[name] for name in ("outcome", "subcode", "times") if name in params
    }
    with state.lock:
        if "account_id" in params:
            if params["account_id"] not in state.accounts:
                raise NotFound("no account has this account_id")
            state.publishing.outcomes.setdefault(params["account_id"], []).append(outcome)
            return {"account_id": params["account_id"], **outcome}
        container = state.containers.get(params.get("container_id", ""))
        if container is None:
            raise NotFound("no container has this container_id")
        apply_outcome(state, container, outcome)
        answer: Json = container.as_dict(state.now)
        return answer


def check_outcome(params: Json) -> None:
    """Errors: BadRequest for unknown names, so that a typo does not pass as an outcome."""
    unknown = set(params) - {"container_id", "account_id", "outcome", "subcode", "times"}
    if unknown:
        raise BadRequest(f"unknown: {', '.join(sorted(unknown))}")
    if params.get("outcome") not in OUTCOMES:
        raise BadRequest(f"outcome: has to be one of {', '.join(OUTCOMES)}")
    for name in ("subcode", "times"):
        if name in params and type(params[name]) is not int:
            raise BadRequest(f"{name}: has to be a whole number")


@routes.post("/media/<media_id>")
def change_media(media_id: str) -> Json:
    """Change media as its owner does in the app: archive it, hide the likes."""
    state, params = current_instagram(), read_json_object()
    if not params or not MEDIA_SWITCHES.issuperset(params):
        raise BadRequest(f"has to be some of {', '.join(sorted(MEDIA_SWITCHES))}")
    if not all(isinstance(value, bool) for value in params.values()):
        raise BadRequest("each value has to be true or false")
    with state.lock:
        media = state.media.get(media_id)
        if media is None:
            raise NotFound("no media has this id")
        for name, value in params.items():
            setattr(media, name, value)
        answer: Json = media.as_dict()
        return answer
