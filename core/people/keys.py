"""API keys, `sp_<prefix>_<secret>`: made, shown once, recognised by their hash, revoked."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime

from core import audit
from core.errors import Invalid, NotFound
from core.people.callers import SCOPES, By, Caller
from core.people.users import digest
from db.keys import ApiKey, ApiKeys
from db.session import Session
from platforms.secret import Secret

MARK = "sp_"


def make(
    session: Session,
    user_id: int,
    *,
    name: str,
    scopes: Collection[str],
    allowed: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, Secret]:
    """The row, and the key itself for the only time. `allowed` is what its maker may give.

    Errors: Invalid.
    """
    wrong = sorted(set(scopes) - set(allowed))
    if wrong or not scopes:
        said = "cannot be given: " + ", ".join(wrong) if wrong else "name at least one"
        raise Invalid(f"scopes {said}", details={"fields": {"scopes": said}})
    prefix = secrets.token_hex(4)
    key = f"{MARK}{prefix}_{secrets.token_urlsafe(32)}"
    row = ApiKeys(session).add(
        user_id, name=name, prefix=prefix, hashed=digest(key), scopes=scopes, expires_at=expires_at
    )
    audit.note(
        session,
        "key.made",
        user_id=user_id,
        subject=f"key:{row.id}",
        details={"name": name, "scopes": sorted(scopes)},
    )
    return row, Secret(key)


def by_key(session: Session, key: str) -> Caller | None:
    """Who may use it; a user who is no administrator any more has no key that is one."""
    found = ApiKeys(session).alive(digest(key))
    if found is None:
        return None
    row, user = found
    ApiKeys(session).used(row)
    scopes = frozenset(row.scopes) - (frozenset() if user.is_admin else {"admin"})
    return Caller(user.id, By.KEY, scopes, user.email, user.locale, row.id)


def listing(session: Session, user_id: int) -> Sequence[ApiKey]:
    return ApiKeys(session).of(user_id)


def revoke(session: Session, key_id: int, *, user_id: int) -> None:
    """Errors: NotFound, also for somebody else's."""
    if not ApiKeys(session).revoke(key_id, user_id=user_id):
        raise NotFound("no such key")
    audit.note(session, "key.revoked", user_id=user_id, subject=f"key:{key_id}")
