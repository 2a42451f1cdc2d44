"""The signed-in browsers of a user: list them, end one or all."""

from collections.abc import Sequence

from core import audit
from core.errors import NotFound
from db.identity.login_sessions import LoginSession, LoginSessions
from db.session import Session


def list_sessions(session: Session, user_id: int) -> Sequence[LoginSession]:
    """List the sessions that have not ended, the last seen first."""
    return LoginSessions(session).list_active(user_id)


def end_one_session(session: Session, login_id: int, *, user_id: int) -> None:
    """Errors: NotFound, also for a session of another user."""
    if not LoginSessions(session).revoke_one(login_id, user_id=user_id):
        raise NotFound("this user has no such session, or it has ended already")
    audit.record_action(session, "session.ended", user_id=user_id, subject=f"session:{login_id}")


def end_other_sessions(session: Session, user_id: int, *, current_id: int | None) -> int:
    """End all sessions of a user, except the current one. Return how many there were."""
    count = LoginSessions(session).revoke_all(user_id, except_id=current_id)
    audit.record_action(
        session,
        "sessions.ended",
        user_id=user_id,
        subject=f"user:{user_id}",
        details={"sessions": count},
    )
    return count
