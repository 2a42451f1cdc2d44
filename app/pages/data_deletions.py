"""The page on which a person sees how far the erasure of their data is; it needs no login."""

from flask import Blueprint, Response, make_response, render_template

from app.http.context import current_container
from app.http.i18n import gettext_noop, translate_text
from core import webhooks
from db.ops.data_deletions import DONE, DataDeletion

blueprint = Blueprint("data_deletion_pages", __name__)

ERASED_TEXT = gettext_noop("All data about you have been erased.")
NOTHING_FOUND_TEXT = gettext_noop("No data about you were stored.")
IN_PROGRESS_TEXT = gettext_noop("Your data are being erased. Come back in a few minutes.")


@blueprint.get("/data-deletion/<code>")
def show_request(code: str) -> Response:
    """Show the state of a request to erase data."""
    request = webhooks.find_deletion_request(current_container().database, code)
    body = render_template(
        "data_deletion.html",
        state_text=translate_text(find_state_text(request)),
        is_done=request.state == DONE,
        code=code,
        received_at=request.created_at,
        completed_at=request.completed_at,
    )
    response = make_response(body)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def find_state_text(request: DataDeletion) -> str:
    if request.state != DONE:
        return IN_PROGRESS_TEXT
    return ERASED_TEXT if request.found else NOTHING_FOUND_TEXT
