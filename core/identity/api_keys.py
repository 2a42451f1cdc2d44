"""API keys, `sp_<prefix>_<secret>`: made, shown once, recognised by their hash, revoked."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from core import audit
from core.errors import Invalid, NotFound
from core.identity.principals import SCOPES, AuthMethod, Principal
from core.identity.users import hash_token
from db.identity.api_keys import ApiKey, ApiKeys
from db.session import Session
from platforms.secret import Secret

KEY_PREFIX = "sp_"


def create_api_key(
    session: Session,
    user_id: int,
    *,
    name: str,
    scopes: Collection[str],
    grantable_scopes: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """The row, and the key itself for the only time. `allowed` is what its maker may give.

    Errors: Invalid.
    """
    refused_scopes = sorted(set(scopes) - set(grantable_scopes))
    if refused_scopes or not scopes:
        message = (
            "cannot be given: " + ", ".join(refused_scopes)
            if refused_scopes
            else "name at least one"
        )
        raise Invalid(f"scopes {message}", details={"fields": {"scopes": message}})
    prefix = secrets.token_hex(4)
    key = f"{KEY_PREFIX}{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKeys(session).add(
        user_id,
        name=name,
        prefix=prefix,
        key_hash=hash_token(key),
        scopes=scopes,
        expires_at=expires_at,
    )
    audit.record_action(
        session,
        "key.made",
        user_id=user_id,
        subject=f"key:{row.id}",
        details={"name": name, "scopes": sorted(scopes)},
    )
    return row, Secret(key)


def find_principal_by_api_key(session: Session, key: str) -> Principal | None:
    """Who may use it; a user who is no administrator any more has no key that is one."""
    found = ApiKeys(session).get_active(hash_token(key))
    if found is None:
        return None
    row, user = found
    ApiKeys(session).mark_used(row)
    scopes = frozenset(row.scopes) - (frozenset() if user.is_admin else {"admin"})
    return Principal(user.id, AuthMethod.KEY, scopes, user.email, user.locale, row.id)


def list_api_keys(session: Session, user_id: int) -> Sequence[ApiKey]:
    return ApiKeys(session).list_for_user(user_id)


def revoke_api_key(session: Session, key_id: int, *, user_id: int) -> None:
    """Errors: NotFound, also for somebody else's."""
    if not ApiKeys(session).revoke(key_id, user_id=user_id):
        raise NotFound("no such key")
    audit.record_action(session, "key.revoked", user_id=user_id, subject=f"key:{key_id}")
