"""Who is asking: an API key, a host application's token or a session cookie, in this order.

Whoever brings a Bearer is judged by it alone: a wrong one does not fall back to the cookie.
"""

from flask import Blueprint, Flask, Response, g, jsonify, request, session
from flask_wtf.csrf import generate_csrf
from pydantic import SecretStr

from app.http.context import (
    current_container,
    current_principal,
    find_principal,
    request_id,
    require_scopes,
)
from app.http.validation import RequestModel, ok, validate_body
from core import audit
from core.errors import Unauthorized
from core.identity import api_keys, users
from core.identity.principals import AuthMethod, Principal
from platforms.secret import Secret

SESSION_COOKIE_NAME = "signalpost_session"
CSRF_SESSION_KEY = "csrf_token"  # where Flask-WTF keeps its seed
PUBLIC_PATH_PREFIXES = (
    "/static/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/m/",
    "/api/webhooks/",
    "/api/crm/",
)
"""Paths that are open, or signed: nobody is looked up there."""

blueprint = Blueprint("auth", __name__)


def init_auth(app: Flask) -> None:
    app.before_request(identify_principal)
    app.after_request(renew_session_cookie)
    app.teardown_request(clear_audit_origin)
    app.context_processor(lambda: {"user": find_principal(), "request_id": g.get("request_id")})


def identify_principal() -> None:
    g.caller = None if request.path.startswith(PUBLIC_PATH_PREFIXES) else authenticate_request()
    principal = find_principal()
    audit.set_origin(
        audit.Origin(
            actor=principal.auth_method if principal else "nobody",
            user_id=principal.user_id if principal else None,
            ip=request.remote_addr,
            correlation_id=request_id(),
        )
    )


def clear_audit_origin(_error: BaseException | None) -> None:
    """The thread serves others next: what they do is not this caller's deed."""
    audit.set_origin(audit.DEFAULT_ORIGIN)


def authenticate_request() -> Principal | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return authenticate_bearer(token.strip())
    cookie = request.cookies.get(SESSION_COOKIE_NAME)
    if not cookie:
        return None
    lifetime = current_container().settings.session_lifetime
    with current_container().database.transaction() as db_session:
        return users.find_principal_by_cookie(db_session, cookie, lifetime=lifetime)


def authenticate_bearer(token: str) -> Principal | None:
    """None for a token that is not ours to judge: the workers' secret comes this way too."""
    if token.startswith(api_keys.KEY_PREFIX):
        with current_container().database.transaction() as db_session:
            return api_keys.find_principal_by_api_key(db_session, token)
    host_tokens = current_container().host_tokens
    if host_tokens is None:
        return None
    try:
        claims = host_tokens.verify(token)
        with current_container().database.transaction() as db_session:
            return host_tokens.load_principal(db_session, claims)
    except Unauthorized:
        return None


class Credentials(RequestModel):
    email: str
    password: SecretStr


@blueprint.post("/api/auth/login")
@validate_body(Credentials)
def login(body: Credentials) -> Response:
    """Sign in with e-mail and password; the session comes as a cookie."""
    cookie = start_session(body.email, Secret(body.password.get_secret_value()))
    answer = ok(data=serialize_principal(current_principal()), csrfToken=generate_csrf())
    return set_session_cookie(jsonify(answer), cookie)


@blueprint.post("/api/auth/logout")
@require_scopes()
def logout() -> Response:
    """End this session."""
    return end_session(jsonify(ok()))


@blueprint.get("/api/auth/me")
@require_scopes()
def show_current_user() -> Response:
    """Who I am, how that was proved, and what I may do."""
    principal = current_principal()
    auth_fields = {"auth": principal.auth_method, "scopes": sorted(principal.scopes)}
    csrf_fields = (
        {"csrfToken": generate_csrf()} if principal.auth_method == AuthMethod.SESSION else {}
    )
    return jsonify(ok(data={**serialize_principal(principal), **auth_fields}, **csrf_fields))


def serialize_principal(principal: Principal) -> dict[str, object]:
    return {
        "id": principal.user_id,
        "email": principal.email,
        "isAdmin": principal.is_admin,
        "locale": principal.locale,
    }


def start_session(email: str, password: Secret) -> Secret:
    """Sign in for this request and those that bring the cookie. Errors: Unauthorized."""
    signed_in = users.sign_in(
        current_container().database,
        email=email,
        password=password,
        lifetime=current_container().settings.session_lifetime,
        ip=request.remote_addr,
        agent=request.user_agent.string or None,
    )
    session.clear()  # a CSRF token from before the login is worth nothing after it
    g.caller = signed_in.principal
    return signed_in.cookie


def set_session_cookie(response: Response, cookie: Secret) -> Response:
    """Hand the browser its session."""
    response.set_cookie(
        SESSION_COOKIE_NAME,
        cookie.reveal(),
        max_age=current_container().settings.session_lifetime,
        httponly=True,
        samesite="Lax",
        secure=current_container().settings.is_production,
    )
    return response


def end_session(response: Response) -> Response:
    """End the session this request came with, and take its cookie back."""
    cookie = request.cookies.get(SESSION_COOKIE_NAME)
    if cookie:
        with current_container().database.transaction() as db_session:
            users.sign_out(db_session, cookie)
    session.pop(
        CSRF_SESSION_KEY, None
    )  # and nothing else: a last word may be waiting for the next page
    g.caller = None
    response.delete_cookie(SESSION_COOKIE_NAME, httponly=True, samesite="Lax")
    return response


def renew_session_cookie(response: Response) -> Response:
    """A session in use lasts on, in the browser as in the database: renewed with each page."""
    principal, cookie = find_principal(), request.cookies.get(SESSION_COOKIE_NAME)
    is_page = response.mimetype == "text/html" and request.method == "GET"
    if principal and principal.auth_method == AuthMethod.SESSION and cookie and is_page:
        set_session_cookie(response, Secret(cookie))
    return response
