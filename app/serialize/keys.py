"""An API key as JSON; the key itself is shown once, when it is made."""

from typing import Any

from core.identity import api_keys
from db.identity.api_keys import ApiKey


def serialize_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": f"{api_keys.KEY_PREFIX}{key.prefix}",
        "scopes": key.scopes,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
        "createdAt": key.created_at,
    }
