"""Who is asking: an API key, a host application's token or a session cookie, in this order.

Whoever brings a Bearer is judged by it alone: a wrong one does not fall back to the cookie.
"""

from flask import Blueprint, Flask, Response, g, jsonify, request, session
from flask_wtf.csrf import generate_csrf
from pydantic import SecretStr

from app.body import Body, ok, takes
from app.context import caller, house, needs, request_id, visitor
from core import audit
from core.errors import Unauthorized
from core.people import keys, users
from core.people.callers import By, Caller
from platforms.secret import Secret

COOKIE = "signalpost_session"
CSRF = "csrf_token"  # where Flask-WTF keeps its seed
UNASKED = ("/static/", "/healthz", "/readyz", "/metrics", "/m/", "/api/webhooks/", "/api/crm/")
"""Paths that are open, or signed: nobody is looked up there."""

blueprint = Blueprint("auth", __name__)


def recognise(app: Flask) -> None:
    app.before_request(look)
    app.after_request(keep)
    app.teardown_request(forget)
    app.context_processor(lambda: {"user": visitor(), "request_id": g.get("request_id")})


def look() -> None:
    g.caller = None if request.path.startswith(UNASKED) else found()
    who = visitor()
    audit.at_work(
        audit.Origin(
            actor=who.kind if who else "nobody",
            user_id=who.user_id if who else None,
            ip=request.remote_addr,
            correlation_id=request_id(),
        )
    )


def forget(_error: BaseException | None) -> None:
    """The thread serves others next: what they do is not this caller's deed."""
    audit.at_work(audit.NOBODY)


def found() -> Caller | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer(token.strip())
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    lifetime = house().settings.session_lifetime
    with house().database.transaction() as database:
        return users.by_cookie(database, cookie, lifetime=lifetime)


def bearer(token: str) -> Caller | None:
    """None for a token that is not ours to judge: the workers' secret comes this way too."""
    if token.startswith(keys.MARK):
        with house().database.transaction() as database:
            return keys.by_key(database, token)
    host = house().host_tokens
    if host is None:
        return None
    try:
        claims = host.claims(token)
        with house().database.transaction() as database:
            return host.caller(database, claims)
    except Unauthorized:
        return None


class Credentials(Body):
    email: str
    password: SecretStr


@blueprint.post("/api/auth/login")
@takes(Credentials)
def login(body: Credentials) -> Response:
    """Sign in with e-mail and password; the session comes as a cookie."""
    cookie = enter(body.email, Secret(body.password.get_secret_value()))
    answer = ok(data=described(caller()), csrfToken=generate_csrf())
    return remember(jsonify(answer), cookie)


@blueprint.post("/api/auth/logout")
@needs()
def logout() -> Response:
    """End this session."""
    return leave(jsonify(ok()))


@blueprint.get("/api/auth/me")
@needs()
def me() -> Response:
    """Who I am, how that was proved, and what I may do."""
    who = caller()
    proof = {"auth": who.kind, "scopes": sorted(who.scopes)}
    token = {"csrfToken": generate_csrf()} if who.kind == By.SESSION else {}
    return jsonify(ok(data={**described(who), **proof}, **token))


def described(who: Caller) -> dict[str, object]:
    return {
        "id": who.user_id,
        "email": who.email,
        "isAdmin": who.is_admin,
        "locale": who.locale,
    }


def enter(email: str, password: Secret) -> Secret:
    """Sign in for this request and those that bring the cookie. Errors: Unauthorized."""
    signed = users.sign_in(
        house().database,
        email=email,
        password=password,
        lifetime=house().settings.session_lifetime,
        ip=request.remote_addr,
        agent=request.user_agent.string or None,
    )
    session.clear()  # a CSRF token from before the login is worth nothing after it
    g.caller = signed.caller
    return signed.cookie


def remember(response: Response, cookie: Secret) -> Response:
    """Hand the browser its session."""
    response.set_cookie(
        COOKIE,
        cookie.reveal(),
        max_age=house().settings.session_lifetime,
        httponly=True,
        samesite="Lax",
        secure=house().settings.is_production,
    )
    return response


def leave(response: Response) -> Response:
    """End the session this request came with, and take its cookie back."""
    cookie = request.cookies.get(COOKIE)
    if cookie:
        with house().database.transaction() as database:
            users.sign_out(database, cookie)
    session.pop(CSRF, None)  # and nothing else: a last word may be waiting for the next page
    g.caller = None
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    return response


def keep(response: Response) -> Response:
    """A session in use lasts on, in the browser as in the database: renewed with each page."""
    who, cookie = visitor(), request.cookies.get(COOKIE)
    is_page = response.mimetype == "text/html" and request.method == "GET"
    if who and who.kind == By.SESSION and cookie and is_page:
        remember(response, Secret(cookie))
    return response
