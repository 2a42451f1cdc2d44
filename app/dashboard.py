"""The way in and the first page: sign-in, and what there is to see today. Decides nothing."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.auth import enter, leave, remember
from app.context import page, visitor
from app.errors import code_of
from app.language import locale, say
from app.pages.widgets import summary
from app.words import words
from core.accounts.connect import local
from core.errors import Unauthorized
from platforms.secret import Secret

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/login")
def login() -> str | Response:
    """The sign-in form; `next` is where to go afterwards."""
    if visitor() is not None:
        return redirect(local(request.args.get("next")) or url_for("dashboard.home"))
    return form(request.args.get("next"))


@blueprint.post("/login")
def sign_in() -> Response | tuple[str, int]:
    """Sign in, and go where one wanted to."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    try:
        cookie = enter(email, Secret(password))
    except Unauthorized as error:
        fault = words(code_of(error), locale())
        return form(request.form.get("next"), email=email, fault=fault.says), 401
    onward = local(request.form.get("next")) or url_for("dashboard.home")
    return remember(redirect(onward), cookie)  # type: ignore[arg-type]  # Flask's redirect is one of its own


def form(onward: str | None, *, email: str = "", fault: str | None = None) -> str:
    return render_template("login.html", next=local(onward) or "/", email=email, fault=fault)


@blueprint.post("/logout")
def logout() -> Response:
    """End this session."""
    flash(say("You are signed out."), "good")
    return leave(redirect(url_for("dashboard.login")))  # type: ignore[arg-type]  # as above


@blueprint.get("/")
@page("posts:read", "accounts:read")
def home() -> str:
    """Accounts, posts by state, and what needs attention."""
    return render_template("home.html", **summary())
