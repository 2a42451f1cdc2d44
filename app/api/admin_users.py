"""Users for operators: list, disable and enable them. They are added by the command line."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import OptionalRowId, RequestModel, success_body, validate_query
from core.errors import Conflict
from core.identity import users
from db.identity.users import User, Users

MAX_SEARCH_CHARS = 200

blueprint = Blueprint("admin_users", __name__)


class UserListQuery(RequestModel):
    """The query of the list: `q` is part of an e-mail, `cursor` the previous `nextCursor`."""

    q: Annotated[str | None, Field(min_length=1, max_length=MAX_SEARCH_CHARS)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


@blueprint.get("/api/admin/users")
@require_scopes("admin")
@validate_query(UserListQuery)
@reads_replica
def list_users(query: UserListQuery) -> dict[str, Any]:
    """List the users, the newest first."""
    with reading_database().transaction() as session:
        found = Users(session).page(email_part=query.q, limit=query.limit + 1, before=query.cursor)
    page = found[: query.limit]
    next_cursor = str(page[-1].id) if len(found) > len(page) else None
    return success_body(data=[serialize_user(user) for user in page], nextCursor=next_cursor)


@blueprint.post("/api/admin/users/<int:user_id>/disable")
@require_scopes("admin")
def disable_user(user_id: int) -> dict[str, Any]:
    """Shut a user out: their sessions end and their keys are revoked."""
    refuse_own_account(user_id)
    with current_container().database.transaction() as session:
        user = users.disable_user(session, user_id)
        session.flush()
        session.refresh(user)
    return success_body(user=serialize_user(user))


@blueprint.post("/api/admin/users/<int:user_id>/enable")
@require_scopes("admin")
def enable_user(user_id: int) -> dict[str, Any]:
    """Let a user sign in again. Ended sessions and revoked keys stay so."""
    with current_container().database.transaction() as session:
        user = users.enable_user(session, user_id)
    return success_body(user=serialize_user(user))


def refuse_own_account(user_id: int) -> None:
    """Errors: Conflict, so that no operator shuts themselves out with one request."""
    if user_id == current_principal().user_id:
        raise Conflict("you cannot disable yourself: another administrator can")


def serialize_user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "claimedEmail": user.claimed_email,
        "isAdmin": user.is_admin,
        "hasPassword": user.password_hash is not None,
        "disabledAt": user.disabled_at,
        "createdAt": user.created_at,
    }
