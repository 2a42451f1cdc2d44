"""Drafts of the user. `ETag` and `If-Match` keep two windows from overwriting each other."""

from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import RequestModel, success_body, validate_body
from core.errors import PreconditionFailed
from core.publishing import drafts
from db.posts.drafts import Draft

blueprint = Blueprint("drafts", __name__)

MAX_BODY_BYTES = 3 * drafts.MAX_DRAFT_BYTES
"""Of the JSON of a draft: with the escapes of JSON it may need more bytes than it has in UTF-8."""

MAX_VERSION_DIGITS = 18  # a number of so many digits fits a bigint


class DraftRequest(RequestModel):
    """`payload` is kept as it is; its form is the client's."""

    title: Annotated[str, Field(max_length=drafts.MAX_DRAFT_TITLE)] = ""
    payload: dict[str, Any]


@blueprint.get("/api/drafts")
@require_scopes("posts:read")
def list_drafts() -> dict[str, Any]:
    """List my drafts, the one that was changed last first, without their payloads."""
    with current_container().database.transaction() as session:
        rows = drafts.list_drafts(session, user_id=current_principal().user_id)
        return success_body(data=[describe_draft(row) for row in rows])


@blueprint.get("/api/drafts/<uuid:draft_id>")
@require_scopes("posts:read")
def show_draft(draft_id: UUID) -> Response:
    """Show a draft; its version is the ETag."""
    with current_container().database.transaction() as session:
        row = drafts.load_draft(session, draft_id, user_id=current_principal().user_id)
        return respond_with_draft(row)


@blueprint.put("/api/drafts/<uuid:draft_id>")
@require_scopes("posts:write")
@validate_body(DraftRequest, max_bytes=MAX_BODY_BYTES)
def save_draft(draft_id: UUID, body: DraftRequest) -> Response:
    """Store a draft under an id that you choose; with If-Match only over that version."""
    with current_container().database.transaction() as session:
        row = drafts.save_draft(
            session,
            draft_id,
            user_id=current_principal().user_id,
            title=body.title,
            payload=body.payload,
            version=read_expected_version(),
        )
        return respond_with_draft(row)


@blueprint.delete("/api/drafts/<uuid:draft_id>")
@require_scopes("posts:write")
def delete_draft(draft_id: UUID) -> dict[str, Any]:
    """Delete a draft; the files that it names stay until they expire."""
    with current_container().database.transaction() as session:
        drafts.delete_draft(session, draft_id, user_id=current_principal().user_id)
    return success_body()


def read_expected_version() -> int | None:
    """Return the version in If-Match; None without the header, or for `*`.

    Errors: PreconditionFailed for an ETag that no draft ever has.
    """
    header = request.headers.get("If-Match", "*").strip()
    if header == "*":
        return None
    text = header.removeprefix('"').removesuffix('"')
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_VERSION_DIGITS):
        raise PreconditionFailed("If-Match must be the ETag of a draft")
    return int(text)


def respond_with_draft(row: Draft) -> Response:
    response = jsonify(success_body(data={**describe_draft(row), "payload": row.payload}))
    response.set_etag(str(row.version))
    response.headers["Cache-Control"] = "no-store"
    return response


def describe_draft(row: Draft) -> dict[str, Any]:
    return {
        "id": str(row.draft_id),
        "title": row.title,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
