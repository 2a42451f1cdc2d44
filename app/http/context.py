"""What a request stands in: the house around it, its id, and who asks. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from core.bootstrap import Services
from core.config.settings import Settings
from core.errors import Forbidden, Unauthorized
from core.health.readiness import Readiness
from core.identity.host_jwt import HostTokenVerifier
from core.identity.principals import AuthMethod, Principal
from core.webhooks.writer import EventWriter
from db.session import Database

P = ParamSpec("P")
T = TypeVar("T")

CONTAINER_KEY = "signalpost"


@dataclass(frozen=True)
class Container:
    settings: Settings
    database: Database
    services: Services
    event_writer: EventWriter
    readiness: Readiness
    host_tokens: HostTokenVerifier | None  # if a host application may speak for its users


def current_container() -> Container:
    return cast("Container", current_app.extensions[CONTAINER_KEY])


def request_id() -> str:
    return str(g.request_id)


def find_principal() -> Principal | None:
    """Who asks, or None: for pages that greet strangers too."""
    return cast("Principal | None", g.get("caller"))


def current_principal() -> Principal:
    """Errors: Unauthorized."""
    principal = find_principal()
    if principal is None:
        raise Unauthorized
    return principal


def require_scopes(
    *scopes: str, auth_method: AuthMethod | None = None
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Only for callers with all these scopes; `by` also asks how they proved who they are.

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
    """A page or a navigation: whoever is not signed in is sent to the login and back here."""

    def decorate(view: Callable[P, T]) -> Callable[P, T | Response]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T | Response:
            principal = find_principal()
            if principal is None:
                return redirect(url_for("dashboard.show_login", next=return_path()))
            check_scopes(principal, scopes, AuthMethod.SESSION)
            return view(*args, **kwargs)

        wrapper.__dict__["required_scopes"] = scopes
        return wrapper

    return decorate


def check_scopes(
    principal: Principal, scopes: tuple[str, ...], auth_method: AuthMethod | None
) -> None:
    if auth_method is not None and principal.auth_method != auth_method:
        raise Forbidden(f"only with a {auth_method}")
    missing = [scope for scope in scopes if scope not in principal.scopes]
    if missing:
        raise Forbidden("missing scope: " + ", ".join(missing), details={"scopes": missing})


def return_path() -> str:
    """Where to come back to after the login: this address, or home if it cannot be repeated."""
    if request.method not in {"GET", "HEAD"}:
        return "/"
    return request.full_path.removesuffix("?")
