"""One's own sign-in, on the page of settings: change the password, end sessions."""

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from app.http.auth import adopt_session, browser_context, set_session_cookie
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.profile import render_settings
from app.pages.sign_in_errors import describe_sign_in_error
from core.errors import CoreError, Invalid, RateLimitExceeded, ServiceUnavailable
from core.identity import login_sessions, users
from core.identity.passwords import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    GuessablePassword,
)
from platforms.secret import Secret

blueprint = Blueprint("sign_in_pages", __name__)

WRONG_PASSWORD_TEXT = gettext_noop("The present password is wrong.")
GUESSABLE_TEXT = gettext_noop(
    "This password is guessed easily: it is a common one, a single word, or made of names."
)
REPETITION_TEXT = gettext_noop("The two new passwords differ.")
LENGTH_TEXT = gettext_noop("The new password must have %(least)d to %(most)d characters.")


@blueprint.get("/settings/sign-in")
@require_login()
def show_settings() -> AnyResponse:
    """Redirect to where the sign-in is now."""
    return redirect(url_for("settings_pages.show_settings"), 301)


@blueprint.post("/settings/sign-in/password")
@require_login()
def change_password() -> Response | tuple[str, int]:
    """Change my password: all other sessions end, all my API keys are revoked."""
    new_password = request.form.get("new_password", "")
    if new_password != request.form.get("repeated_password", ""):
        return refuse_password("repeated-password", translate_text(REPETITION_TEXT)), 400
    try:
        new_session = users.change_password(
            current_container().database,
            current_principal().user_id,
            old=Secret(request.form.get("old_password", "")),
            new=Secret(new_password),
            browser=browser_context(),
        )
    except (Invalid, RateLimitExceeded, ServiceUnavailable) as error:
        return refuse_change(error)
    cookie = adopt_session(new_session)
    flash(
        translate_text(
            "Your password is changed. All other browsers are signed out, and your API keys are"
            " revoked."
        ),
        "good",
    )
    return set_session_cookie(
        make_response(redirect(url_for("settings_pages.show_settings"))), cookie
    )


def refuse_change(error: CoreError) -> tuple[str, int]:
    if not isinstance(error, Invalid):
        text, status = describe_sign_in_error(error)
        return refuse_password("old-password", text), status
    if "oldPassword" in error.details.get("fields", {}):
        return refuse_password("old-password", translate_text(WRONG_PASSWORD_TEXT)), 400
    if isinstance(error, GuessablePassword):
        return refuse_password("new-password", translate_text(GUESSABLE_TEXT)), 400
    text = translate_text(LENGTH_TEXT, least=MIN_PASSWORD_LENGTH, most=MAX_PASSWORD_LENGTH)
    return refuse_password("new-password", text), 400


def refuse_password(field_id: str, text: str) -> str:
    return render_settings(errors=[(field_id, text)])


@blueprint.post("/settings/sign-in/sessions/<int:session_id>/end")
@require_login()
def end_session(session_id: int) -> AnyResponse:
    """Sign out one of my browsers."""
    with current_container().database.transaction() as session:
        login_sessions.end_one_session(session, session_id, user_id=current_principal().user_id)
    flash(translate_text("The browser is signed out."), "good")
    return redirect(url_for("settings_pages.show_settings"))


@blueprint.post("/settings/sign-in/sessions/end-others")
@require_login()
def end_other_sessions() -> AnyResponse:
    """Sign out all my browsers but this one."""
    principal = current_principal()
    with current_container().database.transaction() as session:
        login_sessions.end_other_sessions(
            session, principal.user_id, current_id=principal.credential_id
        )
    flash(translate_text("All other browsers are signed out."), "good")
    return redirect(url_for("settings_pages.show_settings"))
