"""API keys of the signed-in user. The key itself is returned once, when it is created."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import RequestModel, success_body, validate_body
from app.serialize.keys import serialize_key
from core.errors import Invalid
from core.identity import api_keys
from core.identity.principals import AuthMethod
from core.validation import ClampedTime

blueprint = Blueprint("keys", __name__)


class NewKey(RequestModel):
    name: Annotated[str, Field(min_length=1, max_length=api_keys.MAX_NAME_CHARS)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=20)]
    expires_at: Annotated[ClampedTime | None, Field(alias="expiresAt")] = None


@blueprint.get("/api/keys")
@require_scopes(auth_method=AuthMethod.SESSION)
def list_keys() -> dict[str, Any]:
    """List my API keys, newest first, without the keys themselves."""
    with current_container().database.transaction() as session:
        return success_body(
            data=[
                serialize_key(key)
                for key in api_keys.list_api_keys(session, current_principal().user_id)
            ]
        )


@blueprint.post("/api/keys")
@require_scopes(auth_method=AuthMethod.SESSION)
@validate_body(NewKey)
def create_key(body: NewKey) -> tuple[dict[str, Any], int]:
    """Create an API key with some of my own scopes; `key` is shown once."""
    if body.expires_at and body.expires_at <= current_container().services.now():
        raise Invalid(
            "expiresAt must be in the future",
            details={"fields": {"expiresAt": "must be in the future"}},
        )
    principal = current_principal()
    with current_container().database.transaction() as session:
        row, key = api_keys.create_api_key(
            session,
            principal.user_id,
            name=body.name,
            scopes=body.scopes,
            grantable_scopes=principal.grantable_scopes,
            expires_at=body.expires_at,
        )
    return success_body(data={**serialize_key(row), "key": key.reveal()}), 201


@blueprint.delete("/api/keys/<int:key_id>")
@require_scopes(auth_method=AuthMethod.SESSION)
def revoke_key(key_id: int) -> dict[str, Any]:
    """Revoke an API key, immediately and permanently."""
    with current_container().database.transaction() as session:
        api_keys.revoke_api_key(session, key_id, user_id=current_principal().user_id)
    return success_body()
