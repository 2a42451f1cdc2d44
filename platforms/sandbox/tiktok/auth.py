"""Access checks of every data call: a valid token, its scopes, its rate limit.

Source: TikTok, tiktok-api-v2-rate-limit and the pages of the endpoints, read 2026-11-22. The order
of TikTok's checks is not documented; ours is 401, 429, 400, 403.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, request

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok.responses import ApiRefused, envelope_response
from platforms.sandbox.tiktok.state import TikTokState, current_tiktok
from platforms.sandbox.tiktok.tokens import IssuedToken

Data = dict[str, Any]
ViewFunction = Callable[[TikTokState, IssuedToken], Data | None]


def api_view(
    endpoint: str, *scopes: str, rate: str = ""
) -> Callable[[ViewFunction], Callable[[], Response]]:
    """Make a view of a function that gets the state and the token and returns the data.

    One of `scopes` suffices. `rate` names the setting with the limit per minute and token.
    """

    def decorate(view: ViewFunction) -> Callable[[], Response]:
        @wraps(view)
        def handle_request() -> Response:
            tiktok, entry = current_tiktok(), request.environ[ENTRY_KEY]
            try:
                with tiktok.lock:
                    grant = authorize_call(tiktok, endpoint, scopes, rate)
                    data = view(tiktok, grant)
            except ApiRefused as refused:
                entry.update(code=refused.code, message=refused.message)
                return envelope_response({}, refused)
            entry.update(work=True, code="ok")
            return envelope_response(data)

        return handle_request

    return decorate


def authorize_call(
    tiktok: TikTokState, endpoint: str, scopes: tuple[str, ...], rate: str
) -> IssuedToken:
    grant = require_token(tiktok)
    request.environ[ENTRY_KEY].update(open_id=grant.open_id)
    if scopes and not set(scopes) & set(grant.scopes):
        raise ApiRefused("scope_not_authorized")
    if rate:
        limit = getattr(tiktok.settings, rate)
        if not tiktok.rate_counter.allow(grant.token, endpoint, limit=limit, now=tiktok.time):
            raise ApiRefused("rate_limit_exceeded")
    return grant


def require_token(tiktok: TikTokState) -> IssuedToken:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    grant = tiktok.tokens.find_access_token(token, now=tiktok.time) if scheme == "Bearer" else None
    if grant is None:
        raise ApiRefused("access_token_invalid")
    return grant


def read_body() -> Data:
    """Return the JSON object of a call. Errors: ApiRefused."""
    payload = request.get_json(silent=True)
    if not isinstance(payload, dict):
        raise ApiRefused("invalid_params")
    return payload


def read_object(payload: Data, name: str, message: str) -> Data:
    """Return an object inside the body. Errors: ApiRefused with this message."""
    value = payload.get(name)
    if not isinstance(value, dict):
        raise ApiRefused("invalid_params", message)
    return value
