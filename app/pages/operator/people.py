"""Users for operators: the list, one user with the signed-in browsers, disable and enable."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.api.admin_users import refuse_own_account
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import row_id_from_query
from app.pages.badges import Badge, localize_badge
from app.pages.browser_names import browser_name
from app.pages.operator.query_values import read_text
from core import audit
from core.errors import CoreError, NotFound
from core.identity import users
from db.identity.login_sessions import LoginSessions
from db.identity.users import User, Users

PAGE_SIZE = 25
ACTIVE_BADGE = Badge("good", gettext_noop("Active"), "circle-check")
DISABLED_BADGE = Badge("bad", gettext_noop("Disabled"), "user-x")

blueprint = Blueprint("user_pages", __name__)


@blueprint.get("/admin/users")
@require_login("admin")
@reads_replica
def list_users() -> str:
    """List the users, the newest first."""
    search, before = read_text("q"), row_id_from_query("cursor")
    with reading_database().transaction() as session:
        rows = Users(session).page(email_part=search, limit=PAGE_SIZE + 1, before=before)
        found = [describe_user(user) for user in rows]
    page, has_more = found[:PAGE_SIZE], len(found) > PAGE_SIZE
    return render_template(
        "operator/users.html",
        users=page,
        search=search,
        older_url=url_for("user_pages.list_users", q=search, cursor=page[-1]["id"])
        if has_more
        else None,
        newer_url=url_for("user_pages.list_users", q=search) if before else None,
    )


@blueprint.get("/admin/users/<int:user_id>")
@require_login("admin")
def show_user(user_id: int) -> str:
    """Show a user and the browsers that are signed in."""
    with current_container().database.transaction() as session:
        user = Users(session).get(user_id)
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        logins = LoginSessions(session).list_active(user_id)
        audit.record_action(session, "user.read", user_id=user_id, subject=f"user:{user_id}")
        fields = describe_user(user)
        sessions = [
            {
                "id": login.id,
                "browser": browser_name(login.user_agent) or translate_text("Unknown browser"),
                "ip": login.ip,
                "seen_at": login.seen_at,
            }
            for login in logins
        ]
    return render_template(
        "operator/user.html",
        person=fields,
        sessions=sessions,
        is_self=user_id == current_principal().user_id,
    )


@blueprint.post("/admin/users/<int:user_id>/<any(disable, enable):action>")
@require_login("admin")
def change_access(user_id: int, action: str) -> Response:
    """Shut a user out, or let them sign in again."""
    try:
        if action == "disable":
            refuse_own_account(user_id)
        with current_container().database.transaction() as session:
            ACTIONS[action](session, user_id)
        flash(translate_text(ACTION_RESULTS[action]), "good")
    except NotFound:
        raise
    except CoreError:
        flash(translate_text("You cannot disable yourself: another administrator can."), "bad")
    return redirect(url_for("user_pages.show_user", user_id=user_id))


@blueprint.post("/admin/users/<int:user_id>/sessions/<int:login_id>/end")
@require_login("admin")
def end_session(user_id: int, login_id: int) -> Response:
    """Sign a browser of a user out."""
    with current_container().database.transaction() as session:
        if not LoginSessions(session).revoke_one(login_id, user_id=user_id):
            raise NotFound("there is no such session")
        audit.record_action(
            session,
            "session.ended_by_operator",
            user_id=user_id,
            subject=f"user:{user_id}",
            details={"session": login_id},
        )
    flash(translate_text("The browser is signed out."), "good")
    return redirect(url_for("user_pages.show_user", user_id=user_id))


ACTIONS = {"disable": users.disable_user, "enable": users.enable_user}
ACTION_RESULTS = {
    "disable": gettext_noop("The user is disabled: sessions are ended and keys revoked."),
    "enable": gettext_noop("The user can sign in again. Keys stay revoked."),
}


def describe_user(user: User) -> dict[str, Any]:
    is_disabled = user.disabled_at is not None
    return {
        "id": user.id,
        "email": user.email or user.claimed_email,
        "is_admin": user.is_admin,
        "has_password": user.password_hash is not None,
        "badge": localize_badge(DISABLED_BADGE if is_disabled else ACTIVE_BADGE),
        "is_disabled": is_disabled,
        "disabled_at": user.disabled_at,
        "created_at": user.created_at,
    }
