"""Pages to sign in and out, and the home page."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from app.http.auth import end_session, set_session_cookie, start_session
from app.http.context import (
    current_container,
    current_principal,
    find_principal,
    require_login,
)
from app.http.errors import handle_error
from app.http.i18n import translate_text
from app.pages.brands import is_sandbox
from app.pages.home_view import head_fields, hide_displayed_line, home_fields
from app.pages.sign_in_errors import describe_sign_in_error
from core.accounts.connect import safe_next_path
from core.errors import RateLimitExceeded, ServiceUnavailable, Unauthorized
from core.identity.preferences import note_time_zone
from platforms.secret import Secret

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/login")
def show_login() -> str | Response:
    """Show the sign-in form; `next` is the path to open afterwards."""
    if find_principal() is not None:
        return redirect(safe_next_path(request.args.get("next")) or url_for("dashboard.show_home"))
    return render_login_form(request.args.get("next"))


@blueprint.post("/login")
def submit_login() -> Response | tuple[str, int]:
    """Sign in and redirect to the path in `next`."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        cookie = start_session(email, Secret(password))
    except (Unauthorized, RateLimitExceeded, ServiceUnavailable) as error:
        text, status = describe_sign_in_error(error)
        return render_login_form(request.form.get("next"), email=email, error_text=text), status
    with current_container().database.transaction() as session:
        note_time_zone(session, current_principal().user_id, request.form.get("time_zone", ""))
    next_path = safe_next_path(request.form.get("next")) or url_for("dashboard.show_home")
    return set_session_cookie(redirect(next_path), cookie)  # type: ignore[arg-type]  # Flask's redirect returns Werkzeug's Response


@blueprint.errorhandler(RateLimitExceeded)
def show_login_limit(error: RateLimitExceeded) -> Response | HTTPException | tuple[str, int]:
    """Say in the sign-in form when it may be sent again; other pages have the general answer."""
    if request.endpoint != f"{blueprint.name}.{submit_login.__name__}":
        return handle_error(error)
    text, status = describe_sign_in_error(error)
    form = request.form
    return render_login_form(form.get("next"), email=form.get("email", ""), error_text=text), status


def render_login_form(
    next_path: str | None, *, email: str = "", error_text: str | None = None
) -> str:
    return render_template(
        "login.html",
        next_path=safe_next_path(next_path) or url_for("dashboard.show_home"),
        email=email,
        error_text=error_text,
        is_sandbox=is_sandbox(current_container().settings),
    )


@blueprint.post("/logout")
def submit_logout() -> Response:
    """Sign out."""
    flash(translate_text("You are signed out."), "good")
    return end_session(redirect(url_for("dashboard.show_login")))  # type: ignore[arg-type]  # as above


@blueprint.get("/")
@require_login("posts:read", "accounts:read")
def show_home() -> str:
    """Show what needs attention, post counts, what is next, accounts and charts."""
    return render_template("home.html", **head_fields(), **home_fields())


@blueprint.post("/home/hide")
@require_login("posts:write")
def hide_attention_line() -> Response:
    """Do not show a line of the home page again."""
    if hide_displayed_line(request.form.get("subject", "")):
        flash(translate_text("This is not shown again."), "good")
    return redirect(url_for("dashboard.show_home"))
