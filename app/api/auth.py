"""Sign in, sign out, and show the current user."""

from flask import Blueprint, Response, jsonify
from pydantic import SecretStr

from app.http.auth import end_session, set_session_cookie, start_session
from app.http.context import current_principal, require_scopes
from app.http.csrf import issue_csrf_token
from app.http.i18n import SOURCE_LOCALE
from app.http.validation import RequestModel, success_body, validate_body
from core.identity.principals import AuthMethod, Principal
from platforms.secret import Secret

blueprint = Blueprint("auth", __name__)


class Credentials(RequestModel):
    email: str
    password: SecretStr


@blueprint.post("/api/auth/login")
@validate_body(Credentials)
def sign_in_user(body: Credentials) -> Response:
    """Sign in with e-mail and password; sets the session cookie."""
    cookie = start_session(body.email, Secret(body.password.get_secret_value()))
    content = success_body(
        data=serialize_principal(current_principal()), csrfToken=issue_csrf_token()
    )
    return set_session_cookie(jsonify(content), cookie)


@blueprint.post("/api/auth/logout")
@require_scopes()
def sign_out_user() -> Response:
    """Sign out: end the current session and delete its cookie."""
    return end_session(jsonify(success_body()))


@blueprint.get("/api/auth/me")
@require_scopes()
def show_current_user() -> Response:
    """Show the current user, how the request was authenticated, and its scopes."""
    principal = current_principal()
    auth_fields = {"auth": principal.auth_method, "scopes": sorted(principal.scopes)}
    csrf_fields = (
        {"csrfToken": issue_csrf_token()} if principal.auth_method == AuthMethod.SESSION else {}
    )
    return jsonify(
        success_body(data={**serialize_principal(principal), **auth_fields}, **csrf_fields)
    )


def serialize_principal(principal: Principal) -> dict[str, object]:
    return {
        "id": principal.user_id,
        "email": principal.email,
        "isAdmin": principal.is_admin,
        "locale": principal.locale or SOURCE_LOCALE,
    }
