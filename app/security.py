"""What browsers are told and held to: headers, https, CSRF. Must not know what is asked for."""

from flask import Flask, Response, redirect, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from app.context import house, visitor
from core.config.settings import Settings
from core.errors import Forbidden, Invalid
from core.people.callers import By

CONTENT = {
    "default-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' https: data:",  # avatars come from the platforms
    "media-src": "'self' blob:",  # what somebody chose, shown before it is sent
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{part} {what}" for part, what in CONTENT.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
SILENT = "/api/auth/"  # codes and states pass here: no other page may learn its address
HSTS = "max-age=31536000; includeSubDomains"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PROBES = ("/healthz", "/readyz", "/metrics")  # asked from beside the house, without TLS

csrf = CSRFProtect()


def guard(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key.reveal(),
        SESSION_COOKIE_NAME="signalpost_csrf",  # holds the CSRF token's seed and flashed words
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_production,
        WTF_CSRF_CHECK_DEFAULT=False,  # we decide below which requests need it
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_HEADERS=["X-CSRF-Token", "X-CSRFToken"],
    )
    if proxies := settings.trusted_proxy_count:
        fixed = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)
        app.wsgi_app = fixed  # type: ignore[method-assign]  # Flask's documented way
    csrf.init_app(app)
    app.before_request(over_tls)
    app.before_request(readable)
    app.after_request(tell)


def over_tls() -> AnyResponse | None:
    """In production a browser is sent to https; whoever sent data in the clear is refused."""
    if not house().settings.is_production or request.is_secure or request.path in PROBES:
        return None
    if request.method not in {"GET", "HEAD"}:
        raise Forbidden("https only")
    return redirect(house().settings.public_url + request.full_path.removesuffix("?"), 308)


def readable() -> None:
    """No address may hold what no column can."""
    asked = "".join(request.args.values()) if request.query_string else ""
    if "\x00" in request.path + asked:
        raise Invalid("unusable characters in the address")


def same_site() -> None:
    """Requests that a browser sends by itself need a token that only our pages can read."""
    who = visitor()
    by_cookie = who is not None and who.kind == By.SESSION
    is_form = not request.path.startswith("/api/") and request.blueprint is not None
    if request.method in UNSAFE and (by_cookie or is_form):
        csrf.protect()


def tell(response: Response) -> Response:
    for name, value in headers(request.path, house().settings).items():
        response.headers.setdefault(name, value)
    return response


def headers(path: str, settings: Settings) -> dict[str, str]:
    """What goes out with every answer to this address, unless its view knows better."""
    told = {
        **HEADERS,
        "Referrer-Policy": "no-referrer" if path.startswith(SILENT) else "same-origin",
    }
    if path.startswith("/api/"):
        told["Cache-Control"] = "no-store"
    if settings.is_production:
        told["Strict-Transport-Security"] = HSTS
    return told
