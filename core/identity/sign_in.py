"""Sign in with e-mail and password, sign out, and find the principal of a session cookie.

Of a cookie only the hash is stored.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from core import audit
from core.errors import Unauthorized
from core.identity import passwords, sign_in_throttle
from core.identity.emails import is_email
from core.identity.principals import AuthMethod, Principal, session_scopes
from db.identity.login_sessions import LoginSessions
from db.identity.sign_in_failures import SignInFailures
from db.identity.users import User, Users
from db.session import Database, Session
from platforms.secret import Secret

MAX_USER_AGENT_LENGTH = 300  # characters of the header that are stored


@dataclass(frozen=True)
class BrowserContext:
    """What is stored with a session: how long it lasts, where it is used."""

    lifetime: timedelta
    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True)
class NewSession:
    """A new login session with the value of its cookie, which is not stored."""

    principal: Principal
    cookie: Secret


@dataclass(frozen=True)
class CheckedPassword:
    """An attempt that was judged. `new_hash`: the stored one has outdated parameters."""

    user: User | None
    subject: str
    is_correct: bool
    new_hash: str | None


def sign_in(
    database: Database, *, email: str, password: Secret, browser: BrowserContext
) -> NewSession:
    """Errors: Unauthorized (`invalid_login`), with the same text and delay for every reason;
    RateLimitExceeded (`sign_in_paused`); ServiceUnavailable if too many sign in at once.
    """
    checked = check_password(database, email=email, password=password, ip=browser.ip)
    with database.transaction() as session:
        user = lock_unchanged_user(session, checked)
        if user is not None:
            SignInFailures(session).forget(checked.subject)
            if checked.new_hash is not None:
                Users(session).replace_hash(user.id, checked.new_hash)
            return start_session(session, user, browser)
        subject = f"user:{checked.user.id}" if checked.user else None
        audit.record_action(session, "login.refused", subject=subject)
    raise Unauthorized("the e-mail or the password is wrong", code="invalid_login")


def check_password(
    database: Database, *, email: str, password: Secret, ip: str | None
) -> CheckedPassword:
    """Count the attempt and judge it. No transaction is open meanwhile, as it is slow on purpose.

    Errors: RateLimitExceeded; ServiceUnavailable.
    """
    with passwords.take_hash_turn():
        with database.transaction() as session:
            user = Users(session).get_by_email(email) if is_storable(email) else None
            subject = sign_in_throttle.attempt_subject(session, email, user, ip)
            sign_in_throttle.count_attempt(session, subject)
            password_hash = find_valid_hash(session, user)
        is_correct = passwords.verify_password(password, password_hash)
        new_hash = None
        if is_correct and password_hash and passwords.is_outdated_hash(password_hash):
            new_hash = passwords.HASHER.hash(password.reveal())
    return CheckedPassword(user, subject, is_correct, new_hash)


def find_valid_hash(session: Session, user: User | None) -> str | None:
    """The hash that a password of this user has to have; None: none signs in."""
    if user is None or user.disabled_at is not None or Users(session).has_expired_password(user):
        return None
    return user.password_hash


def is_storable(email: str) -> bool:
    """Whether Postgres can compare it: an address, or what was accepted as one earlier."""
    return is_email(email) or (email.isprintable() and passwords.is_hashable(email))


def lock_unchanged_user(session: Session, checked: CheckedPassword) -> User | None:
    """Lock the user whose password was right; None if it was not.

    Also if the user was disabled or got another password meanwhile: that ended all sessions, and
    this one must not begin after it.
    """
    if checked.user is None or not checked.is_correct:
        return None
    user = Users(session).lock(checked.user.id)
    is_unchanged = user is not None and user.password_hash == checked.user.password_hash
    return user if user is not None and is_unchanged and user.disabled_at is None else None


def start_session(session: Session, user: User, browser: BrowserContext) -> NewSession:
    """Create a login session of a user who has proved who they are."""
    cookie = secrets.token_urlsafe(32)
    login_id = LoginSessions(session).create(
        user.id,
        hash_token(cookie),
        lifetime=browser.lifetime,
        ip=browser.ip,
        user_agent=browser.user_agent and browser.user_agent[:MAX_USER_AGENT_LENGTH],
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
    found = LoginSessions(session).get_active(hash_token(cookie))
    if found is None:
        return None
    login, user, is_extension_due = found
    if is_extension_due:
        LoginSessions(session).extend(login, lifetime=lifetime)
    return session_principal(user, login.id)


def session_principal(user: User, login_id: int) -> Principal:
    scopes = session_scopes(is_admin=user.is_admin)
    return Principal(
        user.id,
        AuthMethod.SESSION,
        scopes,
        user.email,
        user.locale,
        login_id,
        time_zone=user.time_zone,
        theme=user.theme,
        has_shortcuts=user.has_shortcuts,
        muted_notifications=tuple(user.muted_notifications),
        wrote_at=user.wrote_at,
    )


def hash_token(text: str) -> str:
    """Hash a random value of 256 bits. It cannot be guessed, so no slow hash is needed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
