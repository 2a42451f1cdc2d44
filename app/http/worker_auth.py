"""Access to the views that start workers by hand: WORKER_SECRET, or the scope `workers:run`."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import request

from app.http.context import current_container, find_principal
from core.errors import ServiceUnavailable, Unauthorized
from core.scopes import WORKER_SCOPE
from platforms.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")


def require_worker(view: Callable[P, T]) -> Callable[P, T]:
    """Require the scope `workers:run` or the header with WORKER_SECRET.

    Errors: Unauthorized; ServiceUnavailable while WORKER_SECRET is not set, in every environment.
    """

    @wraps(view)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        principal = find_principal()
        if principal is None or not principal.has_scopes([WORKER_SCOPE]):
            check_worker_secret()
        return view(*args, **kwargs)

    wrapper.__dict__["required_scopes"] = (WORKER_SCOPE,)  # for /openapi.json
    return wrapper


def check_worker_secret() -> None:
    """Compare `X-Worker-Secret`, or the Bearer token, with WORKER_SECRET."""
    expected = current_container().settings.worker_secret
    if expected is None:
        raise ServiceUnavailable("WORKER_SECRET is not set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if Secret(request.headers.get("X-Worker-Secret", bearer)) != expected:
        raise Unauthorized(
            "send WORKER_SECRET as X-Worker-Secret or as Bearer token, "
            f"or an API key with the scope {WORKER_SCOPE}"
        )
