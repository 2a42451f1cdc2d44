"""API keys, as their owner sees them. The key itself is in one answer only."""

from typing import Annotated, Any

from flask import Blueprint
from pydantic import AwareDatetime, Field

from app.body import Body, ok, takes
from app.context import caller, house, needs
from core.errors import Invalid
from core.people import keys
from core.people.callers import By
from db.keys import ApiKey

blueprint = Blueprint("keys", __name__)


class NewKey(Body):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[str], Field(min_length=1, max_length=20)]
    expires_at: Annotated[AwareDatetime | None, Field(alias="expiresAt")] = None


@blueprint.get("/api/keys")
@needs(by=By.SESSION)
def listing() -> dict[str, Any]:
    """My keys, newest first, without their secrets."""
    with house().database.transaction() as session:
        return ok(data=[shown(key) for key in keys.listing(session, caller().user_id)])


@blueprint.post("/api/keys")
@needs(by=By.SESSION)
@takes(NewKey)
def make(body: NewKey) -> tuple[dict[str, Any], int]:
    """A new key with some of my own scopes; `key` is shown this once."""
    if body.expires_at and body.expires_at <= house().world.now():
        raise Invalid("it would be over already", details={"fields": {"expiresAt": "is past"}})
    who = caller()
    allowed = who.scopes | ({"workers:run"} if who.is_admin else set())
    with house().database.transaction() as session:
        row, key = keys.make(
            session,
            who.user_id,
            name=body.name,
            scopes=body.scopes,
            allowed=allowed,
            expires_at=body.expires_at,
        )
    return ok(data={**shown(row), "key": key.reveal()}), 201


@blueprint.delete("/api/keys/<int:key_id>")
@needs(by=By.SESSION)
def revoke(key_id: int) -> dict[str, Any]:
    """Revoke a key of mine, at once and for good."""
    with house().database.transaction() as session:
        keys.revoke(session, key_id, user_id=caller().user_id)
    return ok()


def shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"{keys.MARK}{key.prefix}",
        "scopes": key.scopes,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
        "createdAt": key.created_at,
    }
