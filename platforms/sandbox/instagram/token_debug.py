"""Inspects tokens: `debug_token`, and the permissions of a grant.

Source: Meta, debug_token and user/permissions, read 2026-11-22; answers as observed. Instagram's
host documents neither.
"""

from typing import Any

from flask import Blueprint, Response, request

from platforms.sandbox.instagram.access import GraphCaller, authenticate_call, read_params
from platforms.sandbox.instagram.callbacks import call_in_background
from platforms.sandbox.instagram.facebook_dialog import PUBLIC_PROFILE
from platforms.sandbox.instagram.graph_errors import (
    INVALID_CODE,
    TOKEN_CODE,
    GraphError,
    graph_response,
    invalid_parameter,
    object_missing,
)
from platforms.sandbox.instagram.graph_route import FACEBOOK_HOST, graph_route
from platforms.sandbox.instagram.state import InstagramState, current_instagram
from platforms.sandbox.instagram.token_checks import REMOVED, UNREADABLE_MESSAGE, find_death
from platforms.sandbox.instagram.tokens import APP, INSTAGRAM_USER, PAGE, MetaGrant
from platforms.sandbox.request_log import ENTRY_KEY

routes = Blueprint("instagram_token_debug", __name__)

APP_TOKEN_MESSAGE = "(#100) You must provide an app access token, or a user access token that is an owner or developer of the app"  # noqa: E501, S105 - Meta's message, no secret


@routes.get("/meta-graph/debug_token")
@routes.get("/meta-graph/<version>/debug_token")
def debug_token(version: str = "") -> Response:
    """Describe a token for the app; a dead one has status 200 and `is_valid: false`."""
    del version  # checked by `authenticate_call`
    state = current_instagram()
    with state.lock:
        if authenticate_call().kind != APP:
            raise GraphError(APP_TOKEN_MESSAGE, INVALID_CODE)
        value = read_params().get("input_token")
        if not value:
            raise invalid_parameter("The parameter input_token is required")
        request.environ[ENTRY_KEY].update(work=True)
        return graph_response({"data": describe_token(state, str(value))})


def describe_token(state: InstagramState, value: str) -> dict[str, Any]:
    token = state.tokens.find_token(value)
    if token is None or token.kind == INSTAGRAM_USER:
        error: dict[str, Any] = {"code": TOKEN_CODE, "message": UNREADABLE_MESSAGE}
        return {"error": error, "is_valid": False, "scopes": []}
    grant, death = state.tokens.grants[token.grant_key], find_death(state, token)
    data: dict[str, Any] = {
        "app_id": state.facebook_app.id,
        "type": token.kind,
        "application": "sandbox",
        "data_access_expires_at": int(token.data_access_expires_at),
        "expires_at": int(token.expires_at or 0),
        "is_valid": death is None,
        "issued_at": int(token.issued_at),
        "scopes": list(grant.scopes),
        "granular_scopes": granular_scopes(state, grant),
        "user_id": grant.person_id,
    }
    if token.page_id:
        data["profile_id"] = token.page_id
    if death is not None:
        error = {"code": death.code, "message": str(death)}
        data["error"] = error | ({"subcode": death.subcode} if death.subcode else {})
    return data


def granular_scopes(state: InstagramState, grant: MetaGrant) -> list[dict[str, Any]]:
    """Return the permissions with the ids that were ticked for them; without ids it is all."""
    return [
        {"scope": scope, **target_ids(state, grant, scope)}
        for scope in grant.scopes
        if scope != PUBLIC_PROFILE
    ]


def target_ids(state: InstagramState, grant: MetaGrant, scope: str) -> dict[str, list[str]]:
    if not state.settings.target_ids:
        return {}
    if scope.startswith("pages_"):
        return {"target_ids": list(grant.page_ids)}
    if scope.startswith("instagram_"):
        return {"target_ids": list(grant.account_ids)}
    return {}


@graph_route(routes, "GET", "/<person_id>/permissions", hosts=(FACEBOOK_HOST,))
def list_permissions(caller: GraphCaller, person_id: str) -> dict[str, Any]:
    grant = find_grant(caller, person_id)
    granted = [{"permission": scope, "status": "granted"} for scope in grant.scopes]
    return {
        "data": granted + [{"permission": scope, "status": "declined"} for scope in grant.declined]
    }


@graph_route(routes, "DELETE", "/<person_id>/permissions/<permission>", hosts=(FACEBOOK_HOST,))
def revoke_permission(caller: GraphCaller, person_id: str, permission: str) -> Any:
    grant = find_grant(caller, person_id)
    if permission not in grant.scopes:
        raise invalid_parameter(f"Permission {permission} is not granted")
    grant.scopes = tuple(scope for scope in grant.scopes if scope != permission)
    grant.declined = (*grant.declined, permission)
    return revoke_answer()


@graph_route(routes, "DELETE", "/<person_id>/permissions", hosts=(FACEBOOK_HOST,))
def revoke_all_permissions(caller: GraphCaller, person_id: str) -> Any:
    """Remove the app: the tokens end with 190/458, and the deauthorize callback is called."""
    grant = find_grant(caller, person_id)
    state = current_instagram()
    state.tokens.revoke_grant(grant, subcode=REMOVED)
    call_in_background(state, "deauthorize", grant)
    return revoke_answer()


def find_grant(caller: GraphCaller, person_id: str) -> MetaGrant:
    """Return the caller's own grant, or for the app's token that of the person."""
    if caller.kind == APP:
        grant = current_instagram().tokens.grants.get(f"{caller.flavour}:{person_id}")
    else:
        is_own = caller.person is not None and person_id in {"me", caller.person.id}
        grant = caller.grant if is_own and caller.kind != PAGE else None
    if grant is None:
        raise object_missing(person_id)
    return grant


def revoke_answer() -> Any:
    """Return what a setting says: the documentation has `true`, clients have received an object."""
    return True if current_instagram().settings.revoke_answer == "true" else {"success": True}
