"""Pauses for operators: stop the work of a platform or a queue, and let it go on."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, require_scopes
from app.http.validation import RequestModel, success_body, validate_body
from core.jobs import pauses
from core.jobs.pauses import MAX_REASON_CHARS
from db.pauses import Pause

blueprint = Blueprint("pauses", __name__)


class PauseRequest(RequestModel):
    """`reason` is for whoever finds it paused."""

    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARS)]


@blueprint.get("/api/admin/pauses")
@require_scopes("admin")
def list_pauses() -> dict[str, Any]:
    """List what is paused, the oldest pause first."""
    with current_container().database.transaction() as session:
        rows = [serialize_pause(each) for each in pauses.list_pauses(session)]
    return success_body(pauses=rows)


@blueprint.post("/api/admin/pauses/<target>")
@require_scopes("admin")
@validate_body(PauseRequest)
def pause_work(target: str, body: PauseRequest) -> dict[str, Any]:
    """Let workers take nothing of a platform or a queue, until it is resumed.

    Requests are accepted and webhooks stored; what a worker has in hand is finished.
    """
    with current_container().database.transaction() as session:
        pause = serialize_pause(pauses.pause_work(session, target, body.reason))
    return success_body(pause=pause)


@blueprint.delete("/api/admin/pauses/<target>")
@require_scopes("admin")
def resume_work(target: str) -> dict[str, Any]:
    """Let workers take the work of a platform or a queue again."""
    with current_container().database.transaction() as session:
        pause = serialize_pause(pauses.resume_work(session, target))
    return success_body(pause=pause)


def serialize_pause(pause: Pause) -> dict[str, Any]:
    return {
        "target": pause.target,
        "kind": pause.kind,
        "reason": pause.reason,
        "pausedAt": pause.paused_at,
    }
