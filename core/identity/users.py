"""Users: create them, disable and enable them, change their passwords.

Whatever takes a right away ends what was made with it: a new password and disabling end all
sessions and keys, and enabling revives none of them.
"""

from datetime import timedelta

from core import audit
from core.breached_passwords import find_breached_file
from core.errors import Conflict, Invalid, NotFound
from core.identity import passwords, sign_in_throttle
from core.identity.emails import is_email
from core.identity.sign_in import BrowserContext, NewSession, start_session
from core.removal_list import RemovalKind, identify_row, note_removal
from db.identity.api_keys import ApiKeys
from db.identity.login_sessions import LoginSessions
from db.identity.sign_in_failures import SignInFailures
from db.identity.users import User, Users, expiry_time
from db.session import Database, Session
from platforms.secret import Secret

INITIAL_PASSWORD_LIFETIME = timedelta(days=3)
"""How long a person has to change the password that was generated for them."""


def create_user(
    session: Session,
    email: str,
    *,
    password: Secret | None,
    is_admin: bool = False,
    is_generated: bool = False,
) -> User:
    """Add a user. A password that is generated ends after INITIAL_PASSWORD_LIFETIME.

    Errors: Invalid; Conflict if another user has this e-mail.
    """
    if not is_email(email):
        message = "must be an e-mail address"
        raise Invalid(f"email {message}", details={"fields": {"email": message}})
    password_hash = password and passwords.hash_password(
        password, email=email, breached=find_breached_file(session)
    )
    user = Users(session).add(
        email,
        password_hash=password_hash,
        password_expires_at=expiry_time(find_lifetime(is_generated=is_generated)),
        is_admin=is_admin,
    )
    if user is None:
        raise Conflict("a user with this e-mail exists already")
    audit.record_action(
        session, "user.added", subject=f"user:{user.id}", details={"admin": is_admin}
    )
    return user


def find_user(session: Session, name: str) -> User:
    """Return the user with this id or e-mail. Errors: NotFound.

    An e-mail that only a host application claims names nobody.
    """
    is_id = name.isascii() and name.isdecimal() and len(name) < len(str(2**63 - 1))
    user = Users(session).get(int(name)) if is_id else Users(session).get_by_email(name)
    if user is None:
        raise NotFound(f"no user has the {'id' if is_id else 'e-mail'} {name}")
    return user


def disable_user(session: Session, user_id: int) -> User:
    """Shut a user out: no sign-in, no key, no token of the host application is accepted.

    Posts that are queued still go out, see `hold_posts`. Errors: NotFound.
    """
    user = lock_user(session, user_id)
    ended = end_access(session, user)
    note_removal(session, RemovalKind.DISABLED, *identify_row(user))
    if user.disabled_at is None:
        user.disabled_at = Users.now()
    record_change(session, user, "user.disabled", **ended)
    return user


def enable_user(session: Session, user_id: int) -> User:
    """Let a user sign in again. Ended sessions and revoked keys stay so. Errors: NotFound."""
    user = lock_user(session, user_id)
    user.disabled_at = None
    note_removal(session, RemovalKind.ENABLED, *identify_row(user))
    sign_in_throttle.forget_failures(session, user)
    record_change(session, user, "user.enabled")
    return user


def replace_password(
    database: Database, user_id: int, password: Secret, *, is_generated: bool = False
) -> None:
    """Give a user another password, as an operator. Ends their sessions and revokes their keys.

    One that is generated ends after INITIAL_PASSWORD_LIFETIME.

    Errors: NotFound; Invalid.
    """
    with database.transaction() as session:
        email, breached = lock_user(session, user_id).email, find_breached_file(session)
    password_hash = passwords.hash_password(password, email=email, breached=breached)
    with database.transaction() as session:
        user = lock_user(session, user_id)
        ended = end_access(session, user)
        lifetime = find_lifetime(is_generated=is_generated)
        Users(session).set_password(user_id, password_hash, lifetime=lifetime)
        sign_in_throttle.forget_failures(session, user)
        record_change(session, user, "user.password_set", **ended)


def find_lifetime(*, is_generated: bool) -> timedelta | None:
    return INITIAL_PASSWORD_LIFETIME if is_generated else None


def change_password(
    database: Database, user_id: int, *, old: Secret, new: Secret, browser: BrowserContext
) -> NewSession:
    """Change the own password, and return a new session in place of all others.

    All sessions end and all keys are revoked: somebody else may have made them.
    Errors: Invalid, naming the field; RateLimitExceeded after wrong present passwords.
    """
    passwords.check_password_form(new, field="newPassword")
    with database.transaction() as session:
        email, breached = lock_user(session, user_id).email, find_breached_file(session)
    passwords.check_password_strength(new, email=email, field="newPassword", breached=breached)
    subject = sign_in_throttle.password_change_subject(user_id)
    with passwords.take_hash_turn():
        with database.transaction() as session:
            present_hash = lock_user(session, user_id).password_hash
            sign_in_throttle.count_attempt(session, subject)
        is_correct = passwords.verify_password(old, present_hash)
        new_hash = passwords.HASHER.hash(new.reveal()) if is_correct else ""
    with database.transaction() as session:
        user = lock_user(session, user_id)
        if is_correct and user.password_hash == present_hash and user.disabled_at is None:
            SignInFailures(session).forget(subject)
            ended = end_access(session, user)
            Users(session).set_password(user_id, new_hash)
            record_change(session, user, "user.password_changed", **ended)
            return start_session(session, user, browser)
        record_change(session, user, "user.password_refused")
    message = "is not the present password"
    raise Invalid(f"oldPassword {message}", details={"fields": {"oldPassword": message}})


def end_access(session: Session, user: User) -> dict[str, int]:
    """End all sessions and revoke all keys of a user. Return how many there were of each.

    The trigger of migration 0017 does the same when the password or `disabled_at` changes, by
    whatever means; here they are counted, before it.
    """
    note_removal(session, RemovalKind.ACCESS, *identify_row(user))
    return {
        "sessions": LoginSessions(session).revoke_all(user.id),
        "keys": ApiKeys(session).revoke_all(user.id),
    }


def lock_user(session: Session, user_id: int) -> User:
    """Errors: NotFound."""
    user = Users(session).lock(user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def record_change(session: Session, user: User, action: str, **details: object) -> None:
    audit.record_action(
        session, action, user_id=user.id, subject=f"user:{user.id}", details=details
    )
