"""Who may set workers going by hand: cron with the workers' secret, or a key that may."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import request

from app.context import house, visitor
from core.errors import Away, Unauthorized
from platforms.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")

SCOPE = "workers:run"


def works(view: Callable[P, T]) -> Callable[P, T]:
    """Errors: Unauthorized; Away while no secret is set, in every environment."""

    @wraps(view)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        who = visitor()
        if who is None or not who.may([SCOPE]):
            prove()
        return view(*args, **kwargs)

    checked.__dict__["needs"] = (SCOPE,)  # for /openapi.json
    return checked


def prove() -> None:
    wanted = house().settings.worker_secret
    if wanted is None:
        raise Away("WORKER_SECRET is not set")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if Secret(request.headers.get("X-Worker-Secret", bearer)) != wanted:
        raise Unauthorized("this needs the workers' secret")
