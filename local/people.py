"""Somebody to try the house with: a user and a key of their own, only beside the sandbox."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from core.people import keys, passwords, users
from core.people.callers import SCOPES
from db.session import Database
from db.users import Users
from platforms.secret import Secret

MADE: dict[str, Callable[[], str]] = {"DEVELOPER_PASSWORD": lambda: secrets.token_urlsafe(12)}
EMAIL = "dev@signalpost.localhost"
KEY = "signalpost up"


@dataclass(frozen=True)
class Developer:
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)


def developer(database: Database, password: str) -> Developer:
    """Known from now on by this password, with a fresh key to everything."""
    with database.transaction() as session:
        known = Users(session).by_email(EMAIL)
        user = known or users.add(session, EMAIL, password=Secret(password), is_admin=True)
        if known:
            Users(session).set_password(user.id, passwords.hashed(Secret(password)))
        for old in keys.listing(session, user.id):
            if old.name == KEY and old.revoked_at is None:
                keys.revoke(session, old.id, user_id=user.id)
        _, key = keys.make(session, user.id, name=KEY, scopes=SCOPES)
    return Developer(EMAIL, password, key.reveal())
