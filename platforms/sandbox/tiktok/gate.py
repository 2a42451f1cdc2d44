"""What every data call passes: a living token, its scopes, its rate. Then the view decides.

Source: TikTok, tiktok-api-v2-rate-limit and the pages of the endpoints, read 2026-11-22. In which
order TikTok judges is not documented; ours is 401, 429, 400, 403.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request

from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok.answers import Refused, envelope
from platforms.sandbox.tiktok.state import TikTok, here
from platforms.sandbox.tiktok.tokens import Grant

Data = dict[str, Any]
View = Callable[[TikTok, Grant], Data | None]


def call(endpoint: str, *scopes: str, rate: str = "") -> Callable[[View], Callable[[], Response]]:
    """Any of `scopes` suffices. `rate` names the setting with the limit per minute and token."""

    def guard(view: View) -> Callable[[], Response]:
        @wraps(view)
        def answered() -> Response:
            tiktok, entry = here(), request.environ[ENTRY]
            try:
                with tiktok.lock:
                    grant = admitted(tiktok, endpoint, scopes, rate)
                    data = view(tiktok, grant)
            except Refused as refused:
                entry.note(code=refused.code, message=refused.message)
                return envelope({}, refused)
            entry.note(work=True, code="ok")
            return envelope(data)

        return answered

    return guard


def admitted(tiktok: TikTok, endpoint: str, scopes: tuple[str, ...], rate: str) -> Grant:
    grant = bearer(tiktok)
    request.environ[ENTRY].note(open_id=grant.open_id)
    if scopes and not set(scopes) & set(grant.scopes):
        raise Refused("scope_not_authorized")
    if rate:
        limit = getattr(tiktok.settings, rate)
        if not tiktok.meter.allows(grant.token, endpoint, limit=limit, now=tiktok.time):
            raise Refused("rate_limit_exceeded")
    return grant


def bearer(tiktok: TikTok) -> Grant:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = tiktok.tokens.bearer(token, now=tiktok.time) if kind == "Bearer" else None
    if grant is None:
        raise Refused("access_token_invalid")
    return grant


def body() -> Data:
    """The JSON object of a call. Errors: Refused."""
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise Refused("invalid_params")
    return given


def part(given: Data, name: str, message: str) -> Data:
    """An object within the body. Errors: Refused with that message."""
    inner = given.get(name)
    if not isinstance(inner, dict):
        raise Refused("invalid_params", message)
    return inner
