"""What a request stands in: the house around it, its id, and who asks. Decides nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from core.config.settings import Settings
from core.errors import Forbidden, Unauthorized
from core.health.readiness import Readiness
from core.people.callers import By, Caller
from core.people.hostjwt import HostTokens
from core.webhooks.inbox import Inbox
from core.wiring import World
from db.session import Database

P = ParamSpec("P")
T = TypeVar("T")

HOUSE = "signalpost"


@dataclass(frozen=True)
class House:
    settings: Settings
    database: Database
    world: World
    inbox: Inbox
    readiness: Readiness
    host_tokens: HostTokens | None  # if a host application may speak for its users


def house() -> House:
    return cast("House", current_app.extensions[HOUSE])


def request_id() -> str:
    return str(g.request_id)


def visitor() -> Caller | None:
    """Who asks, or None: for pages that greet strangers too."""
    return cast("Caller | None", g.get("caller"))


def caller() -> Caller:
    """Errors: Unauthorized."""
    found = visitor()
    if found is None:
        raise Unauthorized
    return found


def needs(*scopes: str, by: By | None = None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Only for callers with all these scopes; `by` also asks how they proved who they are.

    Errors: Unauthorized, Forbidden.
    """

    def guarded(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            allow(caller(), scopes, by)
            return view(*args, **kwargs)

        checked.__dict__["needs"] = scopes  # for /openapi.json
        return checked

    return guarded


def page(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T | Response]]:
    """A page or a navigation: whoever is not signed in is sent to the login and back here."""

    def guarded(view: Callable[P, T]) -> Callable[P, T | Response]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T | Response:
            found = visitor()
            if found is None:
                return redirect(url_for("dashboard.login", next=here()))
            allow(found, scopes, By.SESSION)
            return view(*args, **kwargs)

        checked.__dict__["needs"] = scopes
        return checked

    return guarded


def allow(who: Caller, scopes: tuple[str, ...], by: By | None) -> None:
    if by is not None and who.kind != by:
        raise Forbidden(f"only with a {by}")
    missing = [scope for scope in scopes if scope not in who.scopes]
    if missing:
        raise Forbidden("missing scope: " + ", ".join(missing), details={"scopes": missing})


def here() -> str:
    """Where to come back to after the login: this address, or home if it cannot be repeated."""
    if request.method not in {"GET", "HEAD"}:
        return "/"
    return request.full_path.removesuffix("?")
