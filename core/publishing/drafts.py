"""Drafts: posts that are written and not sent yet. Two windows that write the same draft notice it
by its version.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from core.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge
from db.posts.drafts import Draft, Drafts
from db.session import Session

MAX_DRAFTS = 100  # of one user
MAX_DRAFT_BYTES = 64 * 1024  # of a payload as JSON in UTF-8
MAX_DRAFT_TITLE = 200  # characters


def load_draft(session: Session, draft_id: UUID, *, user_id: int) -> Draft:
    """Errors: NotFound, also for a draft of another user."""
    draft = Drafts(session, user_id).get(draft_id)
    if draft is None:
        raise NotFound(f"no draft {draft_id} of this user")
    return draft


def list_drafts(session: Session, *, user_id: int) -> Sequence[Draft]:
    """Return all drafts of the user, the one that was changed last first."""
    return Drafts(session, user_id).list(limit=MAX_DRAFTS)


def save_draft(
    session: Session,
    draft_id: UUID,
    *,
    user_id: int,
    title: str,
    payload: Mapping[str, Any],
    version: int | None = None,
) -> Draft:
    """Store the draft, a new one or another content of it.

    `version` is the one that the writer has read; without it the content is replaced whatever it
    is. Errors: Invalid, TooLarge; PreconditionFailed for another version, or a draft that was
    deleted; Conflict `limit_reached`.
    """
    check_payload(payload)
    drafts = Drafts(session, user_id)
    content: dict[str, Any] = {"title": title, "payload": dict(payload)}
    if not drafts.change(draft_id, version, **content):
        if version is not None:
            raise PreconditionFailed(f"draft {draft_id} is not at version {version}")
        if drafts.count() >= MAX_DRAFTS:
            raise Conflict(f"a user has at most {MAX_DRAFTS} drafts", code="limit_reached")
        if not drafts.add(draft_id, **content):
            drafts.change(draft_id, **content)  # another request has added it just now
    return load_draft(session, draft_id, user_id=user_id)


def delete_draft(session: Session, draft_id: UUID, *, user_id: int) -> None:
    """Errors: NotFound, also for a draft of another user."""
    if not Drafts(session, user_id).delete(draft_id):
        raise NotFound(f"no draft {draft_id} of this user")


def discard_draft(session: Session, draft_id: UUID, *, user_id: int) -> None:
    """Delete a draft if there is one."""
    Drafts(session, user_id).delete(draft_id)


def check_payload(payload: Mapping[str, Any]) -> None:
    """Errors: TooLarge; Invalid for a number that JSON does not know."""
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise_payload_error("must be JSON that is not nested too deeply, with finite numbers")
    if len(text.encode()) > MAX_DRAFT_BYTES:
        raise TooLarge(f"the payload has more than {MAX_DRAFT_BYTES} bytes")


def raise_payload_error(message: str) -> NoReturn:
    raise Invalid(f"payload {message}", details={"fields": {"payload": message}})
