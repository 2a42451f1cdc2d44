"""Authentication of a request: an API key, a host application's token or the session cookie.

A request with a Bearer token is authenticated by that token alone: a wrong one does not fall back
to the cookie.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask, Response, g, request

from app.http.context import current_container, find_principal, request_id
from app.http.cookies import SESSION_COOKIE, cookie_attributes, cookie_name
from app.http.csrf import forget_seed
from core import audit
from core.errors import Unauthorized
from core.identity import api_keys, sign_in
from core.identity.principals import AuthMethod, Principal
from db.deadlines import statement_deadline
from db.session import Session
from platforms.secret import Secret

CLEARED_SITE_DATA = '"cache", "storage"'
"""What a browser forgets at a sign-out, beside our cookies. Chromium, Firefox and Safari know it.

Source: W3C, Clear Site Data, section 3.1, read 2026-11-30.
"""

LOOKUP_TIMEOUT = timedelta(seconds=1.8)  # of queries by a key, which take a thousandth of it

PUBLIC_PATH_PREFIXES = (
    "/static/",
    "/healthz",
    "/readyz",
    "/statusz",
    "/metrics",
    "/m/",  # media files for the platform; the path contains a signed token
    "/api/webhooks/",
    "/api/crm/",  # reserved for signed deliveries of CRM systems; no route yet
)
"""Paths that are public or authenticated by a signature: no principal is looked up for them."""


def init_auth(app: Flask) -> None:
    """Identify the principal before each request; give templates `user` and `request_id`."""
    app.before_request(identify_principal)
    app.after_request(renew_session_cookie)
    app.teardown_request(clear_audit_origin)
    app.context_processor(lambda: {"user": find_principal(), "request_id": g.get("request_id")})


def start_session(email: str, password: Secret) -> Secret:
    """Sign in, for this request and for later ones that carry the cookie.

    Returns the cookie's value.
    Errors: Unauthorized; RateLimitExceeded; ServiceUnavailable.
    """
    database = current_container().database
    new_session = sign_in.sign_in(
        database, email=email, password=password, browser=browser_context()
    )
    return adopt_session(new_session)


def browser_context() -> sign_in.BrowserContext:
    """What is stored of this browser with a session that it begins."""
    return sign_in.BrowserContext(
        lifetime=current_container().settings.session_lifetime,
        ip=request.remote_addr,
        user_agent=request.user_agent.string or None,
    )


def adopt_session(new_session: sign_in.NewSession) -> Secret:
    """Go on with this request in a session that has just begun. Returns the cookie's value."""
    forget_seed()  # a CSRF token issued before the login must not be valid after it
    g.principal = new_session.principal
    return new_session.cookie


def set_session_cookie(response: Response, cookie: Secret) -> Response:
    """Add the session cookie to a response."""
    response.set_cookie(
        cookie_name(SESSION_COOKIE, current_container().settings),
        cookie.reveal(),
        max_age=current_container().settings.session_lifetime,
        **cookie_attributes(current_container().settings),
    )
    return response


def read_session_cookie() -> str | None:
    return request.cookies.get(cookie_name(SESSION_COOKIE, current_container().settings))


def end_session(response: Response) -> Response:
    """End the session of this request and delete its cookie."""
    cookie, settings = read_session_cookie(), current_container().settings
    if cookie:
        with current_container().database.transaction() as db_session:
            sign_in.sign_out(db_session, cookie)
    forget_seed()
    g.principal = None
    response.delete_cookie(cookie_name(SESSION_COOKIE, settings), **cookie_attributes(settings))
    response.headers["Clear-Site-Data"] = CLEARED_SITE_DATA
    return response


def identify_principal() -> None:
    """Find the principal of this request and record it as the origin of audit entries."""
    is_public = request.path.startswith(PUBLIC_PATH_PREFIXES)
    g.principal = None if is_public else authenticate_request()
    principal = find_principal()
    audit.set_origin(
        audit.Origin(
            actor=principal.auth_method if principal else "nobody",
            user_id=principal.user_id if principal else None,
            ip=request.remote_addr,
            correlation_id=request_id(),
        )
    )


def authenticate_request() -> Principal | None:
    """Authenticate by the Bearer token if there is one, else by the session cookie."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return authenticate_bearer(token.strip())
    cookie = read_session_cookie()
    if not cookie:
        return None
    lifetime = current_container().settings.session_lifetime
    with lookup_transaction() as db_session:
        return sign_in.find_principal_by_cookie(db_session, cookie, lifetime=lifetime)


def authenticate_bearer(token: str) -> Principal | None:
    """Authenticate an API key or a host application's token.

    Returns None for any other token instead of refusing the request: `WORKER_SECRET` is sent in
    the same header and checked by its own views.
    """
    if token.startswith(api_keys.KEY_PREFIX):
        with lookup_transaction() as db_session:
            return api_keys.find_principal_by_api_key(db_session, token)
    host_tokens = current_container().host_tokens
    if host_tokens is None:
        return None
    try:
        claims = host_tokens.verify(token, now=current_container().services.now())
        with lookup_transaction() as db_session:
            return host_tokens.load_principal(db_session, claims)
    except Unauthorized:
        return None


@contextmanager
def lookup_transaction() -> Iterator[Session]:
    """Open a transaction for a request's first queries, which end in time.

    If Postgres hangs, the request is refused here within two seconds, and its thread is free.
    Errors: DatabaseUnavailable.
    """
    with (
        statement_deadline(LOOKUP_TIMEOUT),
        current_container().database.transaction() as db_session,
    ):
        yield db_session


def renew_session_cookie(response: Response) -> Response:
    """Extend the cookie's lifetime with each page, as the database extends the session's."""
    principal, cookie = find_principal(), read_session_cookie()
    is_page = response.mimetype == "text/html" and request.method == "GET"
    if principal and principal.auth_method == AuthMethod.SESSION and cookie and is_page:
        set_session_cookie(response, Secret(cookie))
    return response


def clear_audit_origin(_error: BaseException | None) -> None:
    """Forget the origin: the thread serves another principal's request next."""
    audit.set_origin(audit.DEFAULT_ORIGIN)
