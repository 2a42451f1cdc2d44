"""Exchanges codes for tokens, short tokens for long ones, and refreshes Instagram's tokens.

Source: Meta, get-long-lived, Business Login for Instagram, access_token (2026-03-09) and
refresh_access_token, read 2026-11-22. The subcodes of the code exchange, and the error of a token
that is too young to be refreshed, are not confirmed.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from platforms.sandbox.instagram.access import collect_params
from platforms.sandbox.instagram.graph_errors import (
    INSTAGRAM_EXCEPTION,
    INVALID_CODE,
    NO_TOKEN_CODE,
    UNKNOWN_CODE,
    GraphError,
    graph_response,
    invalid_parameter,
    missing_permission,
)
from platforms.sandbox.instagram.instagram_dialog import BASIC_SCOPE
from platforms.sandbox.instagram.state import InstagramState, MetaApp, current_instagram
from platforms.sandbox.instagram.token_checks import require_living_token
from platforms.sandbox.instagram.tokens import (
    INSTAGRAM_USER,
    PAGE,
    SYSTEM_USER,
    USER,
    MetaCode,
    MetaToken,
)
from platforms.sandbox.instagram.versions import check_version
from platforms.sandbox.request_log import ENTRY_KEY

routes = Blueprint("instagram_tokens", __name__)

BAD_APP_CODE = 101
CODE_EXPIRED, CODE_REDIRECT, CODE_USED = 36007, 36008, 36009
BAD_METHOD_MESSAGE = "Unsupported request - method type: get"


@routes.route("/meta-graph/oauth/access_token", methods=["GET", "POST"])
@routes.route("/meta-graph/<version>/oauth/access_token", methods=["GET", "POST"])
def issue_facebook_token(version: str = "") -> Response:
    """Exchange a code, or a token for a long-lived one; both by query or form."""
    state = current_instagram()
    if version:
        check_version(version, now=state.now, is_instagram=False)
    params = collect_params()
    with state.lock:
        check_app(state.facebook_app, params)
        grant_type = params.get("grant_type", "authorization_code")
        if grant_type == "fb_exchange_token":
            return answer_token(state, exchange_facebook_token(state, params))
        if grant_type == "client_credentials":
            app = state.facebook_app
            body = {"access_token": f"{app.id}|{app.secret}", "token_type": "bearer"}
            return graph_response(body)
        return answer_token(state, exchange_facebook_code(state, params))


def check_app(app: MetaApp, params: Mapping[str, Any]) -> None:
    """Errors: GraphError 101 for another app, 1 for a wrong secret."""
    if params.get("client_id") != app.id:
        raise GraphError(
            "Error validating application. Cannot get application info due to a system error.",
            BAD_APP_CODE,
        )
    check_secret(app, params)


def check_secret(app: MetaApp, params: Mapping[str, Any]) -> None:
    if not hmac.compare_digest(str(params.get("client_secret", "")).encode(), app.secret.encode()):
        raise GraphError("Error validating client secret.", UNKNOWN_CODE)


def exchange_facebook_code(state: InstagramState, params: Mapping[str, Any]) -> MetaToken:
    """Return a short user token, or a system user's token without an end."""
    value, code = str(params.get("code", "")), state.tokens.find_code(str(params.get("code", "")))
    if state.tokens.is_code_used(value):
        raise GraphError("This authorization code has been used.", INVALID_CODE, CODE_USED)
    if code is None or code.client_id != state.facebook_app.id:
        raise GraphError("Invalid verification code format.", INVALID_CODE)
    if code.redirect_uri != params.get("redirect_uri"):
        raise GraphError(
            "Error validating verification code. Please make sure your redirect_uri is identical "
            "to the one you used in the OAuth dialog request",
            INVALID_CODE,
            CODE_REDIRECT,
        )
    if code.expires_at <= state.now:
        raise GraphError("This authorization code has expired.", INVALID_CODE, CODE_EXPIRED)
    state.tokens.use_code(value)
    return issue_login_token(state, code, USER)


def issue_login_token(state: InstagramState, code: MetaCode, kind: str) -> MetaToken:
    """Return the first token of a grant: a short one, except a system user's, which has no end."""
    grant = state.tokens.grants[code.grant_key]
    return state.tokens.issue_token(
        SYSTEM_USER if grant.is_system_user else kind,
        grant,
        now=state.now,
        seconds=None if grant.is_system_user else state.settings.short_token_seconds,
        is_short=not grant.is_system_user,
        data_access_seconds=0.0 if grant.is_system_user else state.settings.data_access_seconds,
    )


def exchange_facebook_token(state: InstagramState, params: Mapping[str, Any]) -> MetaToken:
    """Return a new long-lived token. Errors: GraphError 190 for a dead one, 100 for other kinds."""
    value = str(params.get("fb_exchange_token", ""))
    token = require_living_token(state, value, is_instagram=False)
    if token.kind in {PAGE, SYSTEM_USER}:
        raise invalid_parameter("Only user access tokens can be exchanged")
    return issue_long_token(state, token)


def issue_long_token(state: InstagramState, token: MetaToken) -> MetaToken:
    return state.tokens.issue_token(
        token.kind,
        state.tokens.grants[token.grant_key],
        now=state.now,
        seconds=state.settings.long_token_seconds,
        data_access_seconds=state.settings.data_access_seconds,
    )


def answer_token(state: InstagramState, token: MetaToken, **extra: Any) -> Response:
    body: dict[str, Any] = {"access_token": token.value, "token_type": "bearer"}
    if token.expires_at is not None and state.settings.user_token_expires_in:
        body["expires_in"] = round(token.expires_at - state.now)
    grant = state.tokens.grants[token.grant_key]
    request.environ[ENTRY_KEY].update(
        work=True, person_id=grant.person_id, account_id=grant.account_id, kind=token.kind
    )
    return graph_response(body | extra)


@routes.post("/instagram-api/oauth/access_token")
def exchange_instagram_code() -> Response:
    """Exchange a code for a token of an hour; the errors of this host are flat."""
    state, form = current_instagram(), request.form
    with state.lock:
        problem = find_code_problem(state, form)
        if problem:
            request.environ[ENTRY_KEY].update(code=INVALID_CODE, message=problem)
            error = {"error_type": "OAuthException", "code": 400, "error_message": problem}
            return graph_response(error, 400)
        code = state.tokens.find_code(form["code"])
        assert code is not None  # noqa: S101 - find_code_problem has checked it
        state.tokens.use_code(form["code"])
        token = issue_login_token(state, code, INSTAGRAM_USER)
        return answer_instagram_code(state, token)


def find_code_problem(state: InstagramState, form: Mapping[str, str]) -> str | None:
    """Return why the exchange is refused; parameters outside the form do not count."""
    names = ("client_id", "client_secret", "grant_type", "redirect_uri", "code")
    missing = [name for name in names if not form.get(name)]
    if missing:
        return f"Missing required field {missing[0]}"
    app, code = state.instagram_app, state.tokens.find_code(form["code"])
    is_secret = hmac.compare_digest(form["client_secret"].encode(), app.secret.encode())
    is_code = code is not None and code.client_id == app.id
    checks = {
        "Invalid platform app": form["client_id"] == app.id,
        "Error validating client secret": is_secret,
        "Invalid grant type": form["grant_type"] == "authorization_code",
        "Matching code was not found or was already used": is_code,
        "Invalid scrubbed redirect_uri": code and code.redirect_uri == form["redirect_uri"],
        "Invalid authorization code": code and code.expires_at > state.now,
    }
    return next((message for message, is_valid in checks.items() if not is_valid), None)


def answer_instagram_code(state: InstagramState, token: MetaToken) -> Response:
    """Answer as documented, or as clients have seen it; `user_id` is app-scoped."""
    settings, grant = state.settings, state.tokens.grants[token.grant_key]
    user_id = state.accounts[grant.account_id or ""].app_scoped_id
    answer = {
        "access_token": token.value,
        "user_id": int(user_id) if settings.user_id_type == "number" else user_id,
        "permissions": list(grant.scopes)
        if settings.permissions_type == "list"
        else ",".join(grant.scopes),
    }
    request.environ[ENTRY_KEY].update(work=True, account_id=grant.account_id)
    return graph_response({"data": [answer]} if settings.code_answer == "data" else answer)


@routes.get("/instagram-graph/access_token")
@routes.get("/instagram-graph/<version>/access_token")
def exchange_instagram_token(version: str = "") -> Response:
    """Exchange a token of an hour for one of 60 days; everything is in the query."""
    state, params = prepare_instagram_call(version, "ig_exchange_token")
    with state.lock:
        check_secret(state.instagram_app, params)
        token = require_living_token(state, params["access_token"], is_instagram=True)
        if not token.is_short:
            raise unsupported_request()
        return answer_token(state, issue_long_token(state, token))


@routes.get("/instagram-graph/refresh_access_token")
@routes.get("/instagram-graph/<version>/refresh_access_token")
def refresh_instagram_token(version: str = "") -> Response:
    """Extend a token of 60 days that is at least a day old; its text may stay the same."""
    state, params = prepare_instagram_call(version, "ig_refresh_token")
    settings = state.settings
    with state.lock:
        token = require_living_token(state, params["access_token"], is_instagram=True)
        grant = state.tokens.grants[token.grant_key]
        if token.is_short or state.now - token.issued_at < settings.refresh_min_age:
            raise unsupported_request()
        if BASIC_SCOPE not in grant.scopes:
            raise missing_permission()
        if settings.refresh_keeps_token:
            token.issued_at = state.now
            token.expires_at = state.now + settings.long_token_seconds
        else:
            token = issue_long_token(state, token)
        return answer_token(state, token, permissions=",".join(grant.scopes))


def prepare_instagram_call(
    version: str, grant_type: str
) -> tuple[InstagramState, Mapping[str, str]]:
    """Return state and query. Errors: GraphError for another grant type, and without a token."""
    state, params = current_instagram(), request.args
    if version:
        check_version(version, now=state.now, is_instagram=True)
    if params.get("grant_type") != grant_type:
        raise invalid_parameter(f"Param grant_type must be one of {{{grant_type}}}")
    if not params.get("access_token"):
        raise GraphError(
            "An access token is required to request this resource.",
            NO_TOKEN_CODE,
            type=INSTAGRAM_EXCEPTION,
        )
    return state, params


def unsupported_request() -> GraphError:
    return GraphError(BAD_METHOD_MESSAGE, INVALID_CODE, type=INSTAGRAM_EXCEPTION)
