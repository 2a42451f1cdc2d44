"""Browser security of every response and request: security headers and https."""

from flask import Flask, Response, redirect, request
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Response as AnyResponse

from app.http.body_receipt import MULTIPART_MESSAGE, MULTIPART_PREFIX
from app.http.context import current_container, find_principal
from app.http.cookies import CSRF_COOKIE, cookie_name
from app.http.csrf import init_csrf
from app.http.request_log import WEBHOOK_PATH_PREFIX
from app.http.trusted_hosts import PROBE_PATHS, init_trusted_hosts
from core.config.settings import Settings
from core.errors import Forbidden, Invalid

CSP_DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",  # pictures of accounts are our own copies
    "media-src": "'self' blob:",  # the chosen video, previewed before it is uploaded
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "manifest-src": "'self'",
}
SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        f"{name} {value}" for name, value in CSP_DIRECTIVES.items()
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NO_REFERRER_PREFIX = "/api/auth/"  # these URLs carry OAuth codes and states
API_PREFIX = "/api/"
HSTS_VALUE = "max-age=31536000; includeSubDomains"


def init_security(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key.reveal(),
        SESSION_COOKIE_NAME=cookie_name(CSRF_COOKIE, settings),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_production,
        MAX_CONTENT_LENGTH=settings.limits.max_json_bytes,  # views that take more say so
    )
    init_csrf(app)
    app.before_request(require_https)
    init_trusted_hosts(app, settings)
    app.before_request(reject_null_bytes)
    app.before_request(reject_multipart)
    app.after_request(set_security_headers)


def require_https() -> AnyResponse | None:
    """In production redirect browsers to https and refuse every other request without TLS.

    A program that is redirected would send its key in plain text each time, and nobody would see.
    """
    if (
        not current_container().settings.is_production
        or request.is_secure
        or request.path in PROBE_PATHS
    ):
        return None
    if request.method not in {"GET", "HEAD"} or is_call_of_program():
        raise Forbidden("send this request over https")
    return redirect(
        current_container().settings.public_url + request.full_path.removesuffix("?"), 308
    )


def is_call_of_program() -> bool:
    """Whether this is no page: a path of the API, the steps of connecting an account excepted."""
    is_api = request.path.startswith(API_PREFIX)
    is_opened_by_browser = request.path.startswith(NO_REFERRER_PREFIX)
    return "Authorization" in request.headers or (is_api and not is_opened_by_browser)


def reject_null_bytes() -> None:
    """Refuse NUL in the path or query: Postgres cannot store it in a text column."""
    query_values = "".join(request.args.values()) if request.query_string else ""
    if "\x00" in request.path + query_values:
        raise Invalid("the path or query contains a NUL character")


def reject_multipart() -> None:
    """Refuse multipart bodies unread: no page sends one, and parts of files would fill the disk."""
    is_delivery = request.path.startswith(WEBHOOK_PATH_PREFIX)  # judged by its signature
    if not is_delivery and request.mimetype.startswith(MULTIPART_PREFIX):
        raise UnsupportedMediaType(MULTIPART_MESSAGE)


def set_security_headers(response: Response) -> Response:
    for name, value in response_headers(request.path, current_container().settings).items():
        response.headers.setdefault(name, value)
    is_own = find_principal() is not None and response.mimetype != "text/css"
    if is_own or response.mimetype == "text/html":
        # What a person sees is theirs alone, and a page contains the CSRF token of its session.
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def response_headers(path: str, settings: Settings) -> dict[str, str]:
    """Return the security headers for a path; headers that a view has set itself are kept."""
    headers = {
        **SECURITY_HEADERS,
        "Referrer-Policy": "no-referrer" if path.startswith(NO_REFERRER_PREFIX) else "same-origin",
    }
    if path.startswith(API_PREFIX) or path in PROBE_PATHS:
        headers["Cache-Control"] = "no-store"
    if settings.is_production:
        headers["Strict-Transport-Security"] = HSTS_VALUE
    return headers
