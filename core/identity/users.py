"""Users: create, sign in, sign out, and find the principal of a session cookie.

Of a cookie only the hash is stored.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from core import audit
from core.errors import Conflict, Invalid, Unauthorized
from core.identity import passwords
from core.identity.principals import AuthMethod, Principal, session_scopes
from db.identity.login_sessions import LoginSessions
from db.identity.users import User, Users
from db.session import Database, Session
from platforms.secret import Secret

EMAIL_PATTERN = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
MAX_USER_AGENT_LENGTH = 300  # characters of the header that are stored


@dataclass(frozen=True)
class NewSession:
    """A new login session with the value of its cookie, which is not stored."""

    principal: Principal
    cookie: Secret


def create_user(
    session: Session, email: str, *, password: Secret | None, is_admin: bool = False
) -> User:
    """Errors: Invalid; Conflict if another user has this e-mail."""
    if not EMAIL_PATTERN.fullmatch(email):
        message = "must be an e-mail address"
        raise Invalid(f"email {message}", details={"fields": {"email": message}})
    password_hash = password and passwords.hash_password(password)
    user = Users(session).add(email, password_hash=password_hash, is_admin=is_admin)
    if user is None:
        raise Conflict("a user with this e-mail exists already")
    audit.record_action(
        session, "user.added", subject=f"user:{user.id}", details={"admin": is_admin}
    )
    return user


def sign_in(
    database: Database,
    *,
    email: str,
    password: Secret,
    lifetime: timedelta,
    ip: str | None = None,
    user_agent: str | None = None,
) -> NewSession:
    """Errors: Unauthorized (`invalid_login`), with the same text and delay for every reason."""
    with database.transaction() as session:
        user = Users(session).get_by_email(email)
    password_hash = user.password_hash if user and user.disabled_at is None else None
    # Slow on purpose, so no transaction is open meanwhile.
    is_correct = passwords.verify_password(password, password_hash)
    with database.transaction() as session:
        if user and is_correct:
            return start_session(
                session, user, password, lifetime=lifetime, ip=ip, user_agent=user_agent
            )
        subject = f"user:{user.id}" if user else None
        audit.record_action(session, "login.refused", subject=subject)
    raise Unauthorized("the e-mail or the password is wrong", code="invalid_login")


def start_session(
    session: Session,
    user: User,
    password: Secret,
    *,
    lifetime: timedelta,
    ip: str | None,
    user_agent: str | None,
) -> NewSession:
    """Create the login session; hash the password again if its hash has outdated parameters."""
    if user.password_hash and passwords.is_outdated_hash(user.password_hash):
        Users(session).set_password(user.id, passwords.hash_password(password))
    cookie = secrets.token_urlsafe(32)
    login_id = LoginSessions(session).create(
        user.id,
        hash_token(cookie),
        lifetime=lifetime,
        ip=ip,
        user_agent=user_agent and user_agent[:MAX_USER_AGENT_LENGTH],
    )
    audit.record_action(session, "login", user_id=user.id, subject=f"session:{login_id}")
    return NewSession(session_principal(user, login_id), Secret(cookie))


def sign_out(session: Session, cookie: str) -> None:
    """End the session of this cookie, if there is one."""
    user_id = LoginSessions(session).revoke(hash_token(cookie))
    if user_id is not None:
        audit.record_action(session, "logout", user_id=user_id)


def find_principal_by_cookie(
    session: Session, cookie: str, *, lifetime: timedelta
) -> Principal | None:
    """Return the principal of a valid cookie and extend its session."""
    login_and_user = LoginSessions(session).get_active(hash_token(cookie))
    if login_and_user is None:
        return None
    login, user = login_and_user
    LoginSessions(session).extend(login, lifetime=lifetime)
    return session_principal(user, login.id)


def session_principal(user: User, login_id: int) -> Principal:
    scopes = session_scopes(is_admin=user.is_admin)
    return Principal(user.id, AuthMethod.SESSION, scopes, user.email, user.locale, login_id)


def hash_token(text: str) -> str:
    """Hash a random value of 256 bits. It cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
