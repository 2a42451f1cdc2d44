"""The token endpoint and revocation. Answers are flat, and a refusal may come as HTTP 200.

Source: TikTok, oauth-get-, -refresh- and -revoke-a-user-access-token, read 2026-11-02.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from platforms.sandbox.log import ENTRY
from platforms.sandbox.tiktok import course, pkce
from platforms.sandbox.tiktok.answers import FlatRefused, answer, flat, log_id
from platforms.sandbox.tiktok.state import TikTok, here
from platforms.sandbox.tiktok.tokens import Code, Pair

routes = Blueprint("oauth", __name__)

FORM = "application/x-www-form-urlencoded"
MALFORMED = "The request parameters are malformed."
MISSING = "The request is missing a required parameter."
NO_SECRET = "Client secret is missed in request."  # noqa: S105 - a sentence
WRONG_CLIENT = "Client key or secret is incorrect."
OTHER_REDIRECT = "Redirect_uri is not matched with the uri when requesting code."
SPENT_CODE = "Authorization code is expired."
DEAD_REFRESH = "Refresh token is invalid or expired."
WRONG_VERIFIER = "Code verifier or code challenge is invalid."

Body = dict[str, Any]


def flatly(view: Callable[[TikTok], Body]) -> Callable[[], Response]:
    """Form in, flat JSON out; the client is known before anything else is looked at."""

    @wraps(view)
    def answered() -> Response:
        tiktok, entry = here(), request.environ[ENTRY]
        try:
            with tiktok.lock:
                check_client(tiktok)
                body = view(tiktok)
        except FlatRefused as refused:
            entry.note(code=refused.error, description=refused.description)
            return flat(refused, tiktok.settings.oauth_status)
        entry.note(work=True, code="ok")
        return answer(body, 200, log_id())

    return answered


@routes.post("/v2/oauth/token/")
@flatly
def token(tiktok: TikTok) -> Body:
    kind = needed("grant_type")
    if kind not in GRANTS:
        raise FlatRefused("unsupported_grant_type", MALFORMED)
    request.environ[ENTRY].note(grant_type=kind)
    return GRANTS[kind](tiktok)


@routes.post("/v2/oauth/revoke/")
@flatly
def revoke(tiktok: TikTok) -> Body:
    """Disconnects the app from the account: all tokens die, and a delivery says so."""
    grant = tiktok.tokens.bearer(needed("token"), now=tiktok.time)
    if grant is None:
        raise FlatRefused("invalid_grant", "Access token is invalid or expired.")  # code unclear
    request.environ[ENTRY].note(open_id=grant.open_id)
    course.disconnect(tiktok, grant.open_id, reason=course.DEVELOPER)
    return {}


def check_client(tiktok: TikTok) -> None:
    if request.mimetype != FORM:
        raise FlatRefused("invalid_request", MALFORMED)
    if not request.form.get("client_secret"):
        raise FlatRefused("invalid_request", NO_SECRET)
    given = f"{needed('client_key')}\n{needed('client_secret')}"
    known = f"{tiktok.client_key}\n{tiktok.client_secret}"
    if not secrets.compare_digest(given.encode(), known.encode()):
        raise FlatRefused("invalid_client", WRONG_CLIENT)


def needed(name: str) -> str:
    value = request.form.get(name)
    if not value:
        raise FlatRefused("invalid_request", MISSING)
    return value


def exchange(tiktok: TikTok) -> Body:
    value, redirect_uri = needed("code"), needed("redirect_uri")
    code = tiktok.tokens.redeem(value, now=tiktok.time)
    if code is None:
        raise FlatRefused("invalid_grant", SPENT_CODE)
    if code.redirect_uri != redirect_uri:
        raise FlatRefused("invalid_request", OTHER_REDIRECT)
    if tiktok.settings.desktop and not verified(tiktok, code):
        raise FlatRefused("invalid_request", WRONG_VERIFIER)
    pair = tiktok.tokens.issue(code.open_id, code.scopes, tiktok.settings, now=tiktok.time)
    return told(tiktok, pair)


def verified(tiktok: TikTok, code: Code) -> bool:
    """A web app's stray verifier is ignored, as was observed; a desktop app's has to match."""
    verifier = request.form.get("code_verifier", "")
    return pkce.matches(verifier, code.challenge, strict=tiktok.settings.strict_verifier)


def refresh(tiktok: TikTok) -> Body:
    value = needed("refresh_token")
    pair = tiktok.tokens.rotate(value, tiktok.settings, now=tiktok.time)
    if pair is None:
        raise FlatRefused("invalid_grant", DEAD_REFRESH)
    return told(tiktok, pair)


def for_the_client(_tiktok: TikTok) -> Body:
    """A client token, which serves the research APIs only: no data call here accepts it."""
    value = "clt." + secrets.token_urlsafe(32)
    return {"access_token": value, "expires_in": 7200, "token_type": "Bearer"}


def told(tiktok: TikTok, pair: Pair) -> Body:
    now = tiktok.time
    request.environ[ENTRY].note(open_id=pair.access.open_id)
    return {
        "access_token": pair.access.token,
        "expires_in": round(pair.access.until - now),
        "open_id": pair.access.open_id,
        "refresh_expires_in": round(pair.refresh.until - now),
        "refresh_token": pair.refresh.token,
        "scope": ",".join(pair.access.scopes),
        "token_type": "Bearer",
    }


GRANTS: dict[str, Callable[[TikTok], Body]] = {
    "authorization_code": exchange,
    "refresh_token": refresh,
    "client_credentials": for_the_client,
}
