"""Pausing and resuming a platform or a queue, on the page of queues."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, require_login
from app.http.i18n import translate_text
from core.errors import Conflict, NotFound
from core.jobs import pauses
from core.jobs.pauses import MAX_REASON_CHARS, PAUSE_TARGETS
from core.validation import is_storable_text
from db.pauses import Pause

blueprint = Blueprint("pause_pages", __name__)


def pause_fields(current: Sequence[Pause]) -> dict[str, Any]:
    """What the list of pauses and its form need."""
    paused = {pause.target for pause in current}
    return {
        "pauses": current,
        "pause_targets": [target for target in PAUSE_TARGETS if target not in paused],
        "max_reason": MAX_REASON_CHARS,
    }


@blueprint.post("/admin/pauses")
@require_login("admin")
def pause_work() -> Response:
    """Pause what was chosen; it needs a reason, and a tick that says that work stops."""
    target = request.form.get("target", "")
    reason = request.form.get("reason", "").strip()[:MAX_REASON_CHARS]
    if not reason or not is_storable_text(reason) or request.form.get("confirmed") != "yes":
        flash(translate_text("Give a reason, and confirm that the work stops."), "bad")
        return redirect(url_for("queue_pages.list_queues"))
    try:
        with current_container().database.transaction() as session:
            pauses.pause_work(session, target, reason)
    except Conflict:
        flash(translate_text("%(name)s is paused already.", name=target), "bad")
    else:
        flash(translate_text("%(name)s is paused.", name=target), "good")
    return redirect(url_for("queue_pages.list_queues"))


@blueprint.post("/admin/pauses/<target>/resume")
@require_login("admin")
def resume_work(target: str) -> Response:
    """Let workers take the work again."""
    try:
        with current_container().database.transaction() as session:
            pauses.resume_work(session, target)
    except NotFound:
        flash(translate_text("%(name)s is not paused any more.", name=target), "bad")
    else:
        flash(translate_text("%(name)s goes on.", name=target), "good")
    return redirect(url_for("queue_pages.list_queues"))
