"""Browser security of every response and request: security headers, https, CSRF tokens."""

from flask import Flask, Response, redirect, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from app.http.context import current_container, find_principal
from core.config.settings import Settings
from core.errors import Forbidden, Invalid
from core.identity.principals import AuthMethod

CSP_DIRECTIVES = {
    "default-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' https: data:",  # avatars come from the platforms
    "media-src": "'self' blob:",  # the chosen video, previewed before it is uploaded
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
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
HSTS_VALUE = "max-age=31536000; includeSubDomains"
UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Called from the private network, without TLS.
PROBE_PATHS = ("/healthz", "/readyz", "/statusz", "/metrics")

csrf = CSRFProtect()


def init_security(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key.reveal(),
        SESSION_COOKIE_NAME="signalpost_csrf",  # holds the CSRF token's seed and flashed messages
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_production,
        WTF_CSRF_CHECK_DEFAULT=False,  # `check_csrf` decides which requests need it
        WTF_CSRF_TIME_LIMIT=None,  # valid as long as the session
        WTF_CSRF_HEADERS=["X-CSRF-Token", "X-CSRFToken"],
    )
    if proxy_count := settings.trusted_proxy_count:
        proxied_app = ProxyFix(
            app.wsgi_app, x_for=proxy_count, x_proto=proxy_count, x_host=proxy_count
        )
        app.wsgi_app = proxied_app  # type: ignore[method-assign]  # the way Flask documents
    csrf.init_app(app)
    app.before_request(require_https)
    app.before_request(reject_null_bytes)
    app.after_request(set_security_headers)


def require_https() -> AnyResponse | None:
    """In production redirect GET to https and refuse requests that sent data without TLS."""
    if (
        not current_container().settings.is_production
        or request.is_secure
        or request.path in PROBE_PATHS
    ):
        return None
    if request.method not in {"GET", "HEAD"}:
        raise Forbidden("send this request over https")
    return redirect(
        current_container().settings.public_url + request.full_path.removesuffix("?"), 308
    )


def reject_null_bytes() -> None:
    """Refuse NUL in the path or query: Postgres cannot store it in a text column."""
    query_values = "".join(request.args.values()) if request.query_string else ""
    if "\x00" in request.path + query_values:
        raise Invalid("the path or query contains a NUL character")


def check_csrf() -> None:
    """Require a CSRF token for changes made with a session cookie or by a form of a page."""
    principal = find_principal()
    has_session = principal is not None and principal.auth_method == AuthMethod.SESSION
    is_form = not request.path.startswith("/api/") and request.blueprint is not None
    if request.method in UNSAFE_METHODS and (has_session or is_form):
        csrf.protect()


def set_security_headers(response: Response) -> Response:
    for name, value in response_headers(request.path, current_container().settings).items():
        response.headers.setdefault(name, value)
    return response


def response_headers(path: str, settings: Settings) -> dict[str, str]:
    """Return the security headers for a path; headers that a view has set itself are kept."""
    headers = {
        **SECURITY_HEADERS,
        "Referrer-Policy": "no-referrer" if path.startswith(NO_REFERRER_PREFIX) else "same-origin",
    }
    if path.startswith("/api/"):
        headers["Cache-Control"] = "no-store"
    if settings.is_production:
        headers["Strict-Transport-Security"] = HSTS_VALUE
    return headers
