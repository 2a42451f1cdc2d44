"""People: how they are added, sign in and out, and how their cookie is recognised.

Knows nothing of HTTP. Cookies are known by their hash alone.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from core import audit
from core.errors import Conflict, Invalid, Unauthorized
from core.people import passwords
from core.people.callers import By, Caller, scopes_of
from db.logins import Logins
from db.session import Database, Session
from db.users import User, Users
from platforms.secret import Secret

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


@dataclass(frozen=True)
class SignedIn:
    """A new session; the cookie's value is known to its browser only."""

    caller: Caller
    cookie: Secret


def add(session: Session, email: str, *, password: Secret | None, is_admin: bool = False) -> User:
    """Errors: Invalid, Conflict if somebody has that e-mail."""
    if not EMAIL.fullmatch(email):
        raise Invalid("not an e-mail address", details={"fields": {"email": "no address"}})
    known = password and passwords.hashed(password)
    user = Users(session).add(email, password_hash=known, is_admin=is_admin)
    if user is None:
        raise Conflict("there is a user with this e-mail already")
    audit.note(session, "user.added", subject=f"user:{user.id}", details={"admin": is_admin})
    return user


def sign_in(
    database: Database,
    *,
    email: str,
    password: Secret,
    lifetime: timedelta,
    ip: str | None = None,
    agent: str | None = None,
) -> SignedIn:
    """Errors: Unauthorized (`invalid_login`), the same and as late for every reason."""
    with database.transaction() as session:
        user = Users(session).by_email(email)
    known = user.password_hash if user and user.disabled_at is None else None
    fits = passwords.fits(password, known)  # takes a while: no transaction waits for it
    with database.transaction() as session:
        if user and fits:
            return admit(session, user, password, lifetime, ip, agent)
        subject = f"user:{user.id}" if user else None
        audit.note(session, "login.refused", subject=subject)
    raise Unauthorized("e-mail or password is wrong", code="invalid_login")


def admit(
    session: Session,
    user: User,
    password: Secret,
    lifetime: timedelta,
    ip: str | None,
    agent: str | None,
) -> SignedIn:
    if user.password_hash and passwords.is_outdated(user.password_hash):
        Users(session).set_password(user.id, passwords.hashed(password))
    cookie = secrets.token_urlsafe(32)
    login = Logins(session).open(
        user.id, digest(cookie), lifetime=lifetime, ip=ip, agent=agent and agent[:300]
    )
    audit.note(session, "login", user_id=user.id, subject=f"session:{login}")
    return SignedIn(person(user, login), Secret(cookie))


def sign_out(session: Session, cookie: str) -> None:
    """Ends this session, if it is one."""
    user_id = Logins(session).revoke(digest(cookie))
    if user_id is not None:
        audit.note(session, "logout", user_id=user_id)


def by_cookie(session: Session, cookie: str, *, lifetime: timedelta) -> Caller | None:
    """Whose session this is; using it makes it last on."""
    found = Logins(session).alive(digest(cookie))
    if found is None:
        return None
    login, user = found
    Logins(session).seen(login, lifetime=lifetime)
    return person(user, login.id)


def person(user: User, login: int) -> Caller:
    scopes = scopes_of(is_admin=user.is_admin)
    return Caller(user.id, By.SESSION, scopes, user.email, user.locale, login)


def digest(text: str) -> str:
    """Of a random value of 256 bits: there is nothing to guess, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
