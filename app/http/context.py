"""The context of a request: the container, the request id, the principal and its scopes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from core.bootstrap import Services
from core.config.settings import Settings
from core.errors import Forbidden, Unauthorized
from core.health.activity import FigureKey
from core.health.credential_probes import CredentialProbes
from core.health.gauges import Gauges
from core.health.hourly_counts import HourlyCounter
from core.health.readiness import Readiness
from core.health.status import InstallationStatus
from core.identity.host_jwt import HostTokenVerifier
from core.identity.principals import AuthMethod, Principal
from core.webhooks.refusals import RefusalLog
from core.webhooks.writer import EventWriter
from db.session import Database

P = ParamSpec("P")
T = TypeVar("T")

CONTAINER_KEY = "signalpost"
LIVE_REQUEST = "live"  # X-Requested-With of requests for fragments
API_PATH_PREFIXES = ("/api/", "/m/", "/healthz", "/readyz", "/statusz", "/metrics", "/openapi.json")


@dataclass(frozen=True)
class Container:
    """What every request of this process shares."""

    settings: Settings
    database: Database
    services: Services
    event_writer: EventWriter
    refusals: RefusalLog
    readiness: Readiness
    gauges: Gauges
    status: InstallationStatus
    throughput: HourlyCounter[str]
    activity: HourlyCounter[FigureKey]
    credential_probes: CredentialProbes
    host_tokens: HostTokenVerifier | None  # None unless host applications' tokens are accepted


def current_container() -> Container:
    """The container of the Flask application that serves this request."""
    return cast("Container", current_app.extensions[CONTAINER_KEY])


def is_api_request() -> bool:
    """Whether this request is one of a program, answered in JSON or plain text."""
    return request.path.startswith(API_PATH_PREFIXES)


def request_id() -> str:
    return str(g.request_id)


def find_principal() -> Principal | None:
    """The principal of this request, or None if it is anonymous."""
    return cast("Principal | None", g.get("principal"))


def current_principal() -> Principal:
    """The principal of this request. Errors: Unauthorized."""
    principal = find_principal()
    if principal is None:
        raise Unauthorized
    return principal


def require_scopes(
    *scopes: str, auth_method: AuthMethod | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Require all these scopes and, if given, this method of authentication.

    Errors: Unauthorized, Forbidden.
    """

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            check_scopes(current_principal(), scopes, auth_method)
            return view(*args, **kwargs)

        wrapper.__dict__["required_scopes"] = scopes  # for /openapi.json
        return wrapper

    return decorate


def require_login(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T | Response]]:
    """Require a signed-in user: for pages. Anonymous requests are redirected to the login page,
    which leads back here.

    Errors: Forbidden.
    """

    def decorate(view: Callable[P, T]) -> Callable[P, T | Response]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T | Response:
            principal = find_principal()
            if principal is None:
                if request.headers.get("X-Requested-With") == LIVE_REQUEST:
                    raise Unauthorized  # its script opens the page again, which leads to the login
                return redirect(url_for("dashboard.show_login", next=return_path()))
            check_scopes(principal, scopes, AuthMethod.SESSION)
            return view(*args, **kwargs)

        wrapper.__dict__["required_scopes"] = scopes
        return wrapper

    return decorate


def check_scopes(
    principal: Principal, scopes: tuple[str, ...], auth_method: AuthMethod | None
) -> None:
    """Check the method of authentication, if one is given, and the scopes.

    Errors: Forbidden; if scopes are missing, `details.scopes` names them.
    """
    if auth_method is not None and principal.auth_method != auth_method:
        raise Forbidden(f"this needs authentication by {auth_method}")
    missing = [scope for scope in scopes if scope not in principal.scopes]
    if missing:
        raise Forbidden("missing scope: " + ", ".join(missing), details={"scopes": missing})


def return_path() -> str:
    """The path to return to after the login: this one, or home for a request that is not a GET."""
    if request.method not in {"GET", "HEAD"}:
        return url_for("dashboard.show_home")
    return request.script_root + request.full_path.removesuffix("?")
