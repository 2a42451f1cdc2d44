"""The OAuth endpoints: tokens and revocation. Answers are flat; errors may have status 200.

Source: TikTok, oauth-get-, -refresh- and -revoke-a-user-access-token, read 2026-11-02.
"""

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from platforms.sandbox.request_log import ENTRY_KEY
from platforms.sandbox.tiktok import pkce, post_lifecycle
from platforms.sandbox.tiktok.responses import (
    OAuthRefused,
    json_response,
    new_log_id,
    oauth_error_response,
)
from platforms.sandbox.tiktok.state import TikTokState, current_tiktok
from platforms.sandbox.tiktok.tokens import AuthorizationCode, TokenPair

routes = Blueprint("oauth", __name__)

FORM_MIMETYPE = "application/x-www-form-urlencoded"
MALFORMED_MESSAGE = "The request parameters are malformed."
MISSING_MESSAGE = "The request is missing a required parameter."
NO_SECRET_MESSAGE = "Client secret is missed in request."  # noqa: S105 - a message, no secret
WRONG_CLIENT_MESSAGE = "Client key or secret is incorrect."
OTHER_REDIRECT_MESSAGE = "Redirect_uri is not matched with the uri when requesting code."
SPENT_CODE_MESSAGE = "Authorization code is expired."
DEAD_REFRESH_MESSAGE = "Refresh token is invalid or expired."
WRONG_VERIFIER_MESSAGE = "Code verifier or code challenge is invalid."

Body = dict[str, Any]


def oauth_view(view: Callable[[TikTokState], Body]) -> Callable[[], Response]:
    """Make a view: a form comes in, flat JSON goes out; the client is checked first."""

    @wraps(view)
    def handle_request() -> Response:
        tiktok, entry = current_tiktok(), request.environ[ENTRY_KEY]
        try:
            with tiktok.lock:
                check_client(tiktok)
                body = view(tiktok)
        except OAuthRefused as refused:
            entry.update(code=refused.error, description=refused.description)
            return oauth_error_response(refused, tiktok.settings.oauth_status)
        entry.update(work=True, code="ok")
        return json_response(body, 200, new_log_id())

    return handle_request


@routes.post("/v2/oauth/token/")
@oauth_view
def issue_token(tiktok: TikTokState) -> Body:
    grant_type = require_form_field("grant_type")
    if grant_type not in GRANT_HANDLERS:
        raise OAuthRefused("unsupported_grant_type", MALFORMED_MESSAGE)
    request.environ[ENTRY_KEY].update(grant_type=grant_type)
    return GRANT_HANDLERS[grant_type](tiktok)


@routes.post("/v2/oauth/revoke/")
@oauth_view
def revoke_token(tiktok: TikTokState) -> Body:
    """Disconnect the app from the account: all its tokens end, and an event is sent."""
    grant = tiktok.tokens.find_access_token(require_form_field("token"), now=tiktok.time)
    if grant is None:
        # the code is not documented
        raise OAuthRefused("invalid_grant", "Access token is invalid or expired.")
    request.environ[ENTRY_KEY].update(open_id=grant.open_id)
    post_lifecycle.disconnect_creator(tiktok, grant.open_id, reason=post_lifecycle.REASON_DEVELOPER)
    return {}


def check_client(tiktok: TikTokState) -> None:
    if request.mimetype != FORM_MIMETYPE:
        raise OAuthRefused("invalid_request", MALFORMED_MESSAGE)
    if not request.form.get("client_secret"):
        raise OAuthRefused("invalid_request", NO_SECRET_MESSAGE)
    given = f"{require_form_field('client_key')}\n{require_form_field('client_secret')}"
    expected = f"{tiktok.client_key}\n{tiktok.client_secret}"
    if not secrets.compare_digest(given.encode(), expected.encode()):
        raise OAuthRefused("invalid_client", WRONG_CLIENT_MESSAGE)


def require_form_field(name: str) -> str:
    value = request.form.get(name)
    if not value:
        raise OAuthRefused("invalid_request", MISSING_MESSAGE)
    return value


def exchange_code(tiktok: TikTokState) -> Body:
    value, redirect_uri = require_form_field("code"), require_form_field("redirect_uri")
    code = tiktok.tokens.redeem_code(value, now=tiktok.time)
    if code is None:
        raise OAuthRefused("invalid_grant", SPENT_CODE_MESSAGE)
    if code.redirect_uri != redirect_uri:
        raise OAuthRefused("invalid_request", OTHER_REDIRECT_MESSAGE)
    if tiktok.settings.desktop and not is_verifier_valid(tiktok, code):
        raise OAuthRefused("invalid_request", WRONG_VERIFIER_MESSAGE)
    pair = tiktok.tokens.issue_pair(code.open_id, code.scopes, tiktok.settings, now=tiktok.time)
    return token_response(tiktok, pair)


def is_verifier_valid(tiktok: TikTokState, code: AuthorizationCode) -> bool:
    """Check the verifier of a desktop app; a web app's was observed to be ignored."""
    verifier = request.form.get("code_verifier", "")
    return pkce.is_valid_verifier(verifier, code.challenge, strict=tiktok.settings.strict_verifier)


def refresh_tokens(tiktok: TikTokState) -> Body:
    value = require_form_field("refresh_token")
    pair = tiktok.tokens.rotate_pair(value, tiktok.settings, now=tiktok.time)
    if pair is None:
        raise OAuthRefused("invalid_grant", DEAD_REFRESH_MESSAGE)
    return token_response(tiktok, pair)


def issue_client_token(_tiktok: TikTokState) -> Body:
    """Issue a client token, which only the research APIs accept: no data call here does."""
    value = "clt." + secrets.token_urlsafe(32)
    return {"access_token": value, "expires_in": 7200, "token_type": "Bearer"}


def token_response(tiktok: TikTokState, pair: TokenPair) -> Body:
    now = tiktok.time
    request.environ[ENTRY_KEY].update(open_id=pair.access.open_id)
    return {
        "access_token": pair.access.token,
        "expires_in": round(pair.access.expires_at - now),
        "open_id": pair.access.open_id,
        "refresh_expires_in": round(pair.refresh.expires_at - now),
        "refresh_token": pair.refresh.token,
        "scope": ",".join(pair.access.scopes),
        "token_type": "Bearer",
    }


GRANT_HANDLERS: dict[str, Callable[[TikTokState], Body]] = {
    "authorization_code": exchange_code,
    "refresh_token": refresh_tokens,
    "client_credentials": issue_client_token,
}
