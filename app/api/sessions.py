"""A user's own sign-in: signed-in browsers and the password."""

from typing import Any

from flask import Blueprint, Response, jsonify
from pydantic import Field, SecretStr

from app.http.auth import adopt_session, browser_context, set_session_cookie
from app.http.context import current_container, current_principal, require_scopes
from app.http.csrf import issue_csrf_token
from app.http.validation import RequestModel, success_body, validate_body
from core.identity import login_sessions, users
from core.identity.principals import AuthMethod
from db.identity.login_sessions import LoginSession
from platforms.secret import Secret

blueprint = Blueprint("sessions", __name__)


class PasswordChange(RequestModel):
    old_password: SecretStr = Field(alias="oldPassword")
    new_password: SecretStr = Field(alias="newPassword")


@blueprint.get("/api/sessions")
@require_scopes(auth_method=AuthMethod.SESSION)
def list_sessions() -> dict[str, Any]:
    """List the browsers in which I am signed in, the last seen first."""
    principal = current_principal()
    with current_container().database.transaction() as session:
        rows = login_sessions.list_sessions(session, principal.user_id)
        return success_body(data=[serialize_session(row, principal.credential_id) for row in rows])


@blueprint.delete("/api/sessions/<int:session_id>")
@require_scopes(auth_method=AuthMethod.SESSION)
def end_session(session_id: int) -> dict[str, Any]:
    """Sign out one of my browsers."""
    with current_container().database.transaction() as session:
        login_sessions.end_one_session(session, session_id, user_id=current_principal().user_id)
    return success_body()


@blueprint.delete("/api/sessions")
@require_scopes(auth_method=AuthMethod.SESSION)
def end_other_sessions() -> dict[str, Any]:
    """Sign out all my browsers but this one."""
    principal = current_principal()
    with current_container().database.transaction() as session:
        count = login_sessions.end_other_sessions(
            session, principal.user_id, current_id=principal.credential_id
        )
    return success_body(data={"ended": count})


@blueprint.post("/api/auth/password")
@require_scopes(auth_method=AuthMethod.SESSION)
@validate_body(PasswordChange)
def change_password(body: PasswordChange) -> Response:
    """Change my password: all other sessions end, all my API keys are revoked."""
    new_session = users.change_password(
        current_container().database,
        current_principal().user_id,
        old=Secret(body.old_password.get_secret_value()),
        new=Secret(body.new_password.get_secret_value()),
        browser=browser_context(),
    )
    cookie = adopt_session(new_session)
    return set_session_cookie(jsonify(success_body(csrfToken=issue_csrf_token())), cookie)


def serialize_session(row: LoginSession, current_id: int | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "isCurrent": row.id == current_id,
        "ip": row.ip,
        "userAgent": row.user_agent,
        "createdAt": row.created_at,
        "seenAt": row.seen_at,
        "expiresAt": row.expires_at,
    }
