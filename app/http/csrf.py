"""CSRF tokens that are bound to the login session they were issued in.

Flask-WTF compares the token of a request with the seed in a signed cookie. The cookie also names
the login session, so that somebody who plants their own cookie and token in another person's
browser changes nothing there. Both are signed with HMAC-SHA-256, and not with SHA-1, the default.
What the previous release signed with SHA-1 is accepted, so that a form survives an upgrade.
"""

import hashlib

from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from itsdangerous import Signer, URLSafeTimedSerializer

from app.http.context import find_principal
from core.identity.principals import AuthMethod

SEED_KEY = "csrf_token"  # where Flask-WTF keeps its seed
LOGIN_KEY = "login"  # id of the login session that the seed was made in; absent: made by nobody
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})

PREVIOUS_SIGNERS = (
    {"key_derivation": "hmac", "digest_method": hashlib.sha1},  # of the cookie
    {"digest_method": hashlib.sha1},  # of the token
)
"""How the previous release signed. Nothing is signed so any more: this can go with the next minor
version. HMAC-SHA-1 cannot be forged without SECRET_KEY either."""

csrf = CSRFProtect()


class CookieSessions(SecureCookieSessionInterface):
    """Flask's sessions in signed cookies, with another hash function."""

    digest_method = staticmethod(hashlib.sha256)


def init_csrf(app: Flask) -> None:
    """Give templates `csrf_token()`. `check_csrf` decides which requests need a token."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # valid as long as the session
        WTF_CSRF_HEADERS=["X-CSRF-Token", "X-CSRFToken"],
    )
    app.session_interface = CookieSessions()
    Signer.default_digest_method = staticmethod(hashlib.sha256)  # of Flask-WTF, which names none
    URLSafeTimedSerializer.default_fallback_signers = list(PREVIOUS_SIGNERS)  # of both
    csrf.init_app(app)
    app.jinja_env.globals["csrf_token"] = issue_csrf_token
    app.context_processor(lambda: {"csrf_token": issue_csrf_token})


def issue_csrf_token() -> str:
    """Return the token for forms and scripts of this session; a seed of another one is dropped."""
    if session.get(LOGIN_KEY) != current_login_id():
        forget_seed()
    login_id = current_login_id()
    if login_id is not None:
        session[LOGIN_KEY] = login_id
    return str(generate_csrf())


def forget_seed() -> None:
    """Let the next token have a seed of its own. Messages for the next page stay."""
    for key in (SEED_KEY, LOGIN_KEY):
        session.pop(key, None)
    g.pop(SEED_KEY, None)  # Flask-WTF keeps the token of the request here


def check_csrf() -> None:
    """Require a CSRF token for changes made with a session cookie or by a form of a page."""
    has_session = current_login_id() is not None
    is_form = not request.path.startswith("/api/") and request.blueprint is not None
    if request.method not in UNSAFE_METHODS or not (has_session or is_form):
        return
    csrf.protect()
    if session.get(LOGIN_KEY) != current_login_id():
        raise CSRFError("The CSRF token was issued in another session.")


def current_login_id() -> int | None:
    """The id of the login session that authenticated this request; None: no session did."""
    principal = find_principal()
    is_session = principal is not None and principal.auth_method == AuthMethod.SESSION
    return principal.credential_id if principal is not None and is_session else None
