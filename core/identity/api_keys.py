"""API keys (`sp_<prefix>_<secret>`): create, authenticate by hash, list, revoke."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from core import audit
from core.errors import Conflict, Invalid, NotFound
from core.identity.principals import AuthMethod, Principal
from core.identity.sign_in import hash_token
from core.removal_list import RemovalKind, note_removal
from core.scopes import OPERATOR_SCOPES, SCOPES
from db.identity.api_keys import ApiKey, ApiKeys
from db.identity.users import Users
from db.session import Session
from platforms.request_types import is_blank
from platforms.secret import Secret

KEY_PREFIX = "sp_"
MAX_NAME_CHARS = 100
MAX_KEYS_PER_USER = 50
"""Keys of one user that are neither revoked nor expired."""


def create_api_key(
    session: Session,
    user_id: int,
    *,
    name: str,
    scopes: Collection[str],
    grantable_scopes: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """Create a key and return its row with the key itself, which cannot be shown again.

    `grantable_scopes` are those that the creating principal may grant.
    Errors: Invalid; Conflict if the user has `MAX_KEYS_PER_USER` already.
    """
    check_form(name, scopes, grantable_scopes)
    Users(session).lock(user_id)  # so that parallel requests count each other's keys
    if ApiKeys(session).count_active(user_id) >= MAX_KEYS_PER_USER:
        raise Conflict(
            f"a user can have at most {MAX_KEYS_PER_USER} API keys: revoke one first",
            code="limit_reached",
            details={"most": MAX_KEYS_PER_USER},
        )
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
        details={"scopes": sorted(scopes)},  # no name: entries outlive the user
    )
    return row, Secret(key)


def check_form(name: str, scopes: Collection[str], grantable_scopes: Collection[str]) -> None:
    """Errors: Invalid if nobody can read the name or it is too long, if there is no scope, or one
    that may not be granted.
    """
    if is_blank(name) or len(name) > MAX_NAME_CHARS:
        message = f"must be a text of 1 to {MAX_NAME_CHARS} characters that can be read"
        raise Invalid(f"name {message}", details={"fields": {"name": message}})
    if not scopes:
        message = "must name at least one scope"
    elif ungrantable := sorted(set(scopes) - set(grantable_scopes)):
        message = "must not include " + ", ".join(ungrantable)
    else:
        return
    raise Invalid(f"scopes {message}", details={"fields": {"scopes": message}})


def find_principal_by_api_key(session: Session, key: str) -> Principal | None:
    """Return the principal of a valid key.

    The scopes of administrators are ignored if the user is one no longer.
    """
    found = ApiKeys(session).get_active(hash_token(key))
    if found is None:
        return None
    row, user, is_write_due = found
    if is_write_due:
        ApiKeys(session).mark_used(row)
    scopes = frozenset(row.scopes) - (frozenset() if user.is_admin else OPERATOR_SCOPES)
    return Principal(
        user.id,
        AuthMethod.KEY,
        scopes,
        user.email,
        user.locale,
        row.id,
        wrote_at=user.wrote_at,
    )


def list_api_keys(session: Session, user_id: int) -> Sequence[ApiKey]:
    return ApiKeys(session).list_for_user(user_id)


def revoke_api_key(session: Session, key_id: int, *, user_id: int) -> None:
    """Errors: NotFound, also for a key of another user."""
    key = ApiKeys(session).revoke(key_id, user_id=user_id)
    if key is None:
        raise NotFound("this user has no such API key, or it is revoked already")
    note_removal(session, RemovalKind.KEY, key.hash)
    audit.record_action(session, "key.revoked", user_id=user_id, subject=f"key:{key_id}")
