"""The page of API keys: which there are, make one, revoke one. The key is shown this once."""

from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate
from core.errors import Invalid
from core.identity import api_keys
from core.identity.principals import SCOPES
from db.identity.api_keys import ApiKey
from platforms.secret import Secret

blueprint = Blueprint("key_pages", __name__)

MAX_NAME_CHARS = 100
SCOPE_TEXTS = {
    "accounts:read": gettext_noop("see connected accounts"),
    "accounts:write": gettext_noop("disconnect accounts"),
    "posts:read": gettext_noop("see posts"),
    "posts:write": gettext_noop("post, cancel, try again"),
    "media:write": gettext_noop("upload files"),
    "insights:read": gettext_noop("see figures"),
    "comments:write": gettext_noop("answer and hide comments"),
    "workers:run": gettext_noop("start workers by hand"),
    "admin": gettext_noop("everything operators may see"),
}
LIFETIME_LABELS = {
    "30": gettext_noop("30 days"),
    "90": gettext_noop("90 days"),
    "365": gettext_noop("a year"),
    "": gettext_noop("until it is revoked"),
}
INVALID_NAME_TEXT = gettext_noop("Give the key a name of at most 100 characters.")
INVALID_SCOPES_TEXT = gettext_noop("Choose at least one permission that you have yourself.")


@blueprint.get("/settings/keys")
@require_login()
def list_keys() -> str:
    """My keys, newest first, without their secrets."""
    return render_keys()


@blueprint.post("/settings/keys")
@require_login()
def create_key() -> str | tuple[str, int]:
    """A new key with some of my own scopes; what is shown once stands in this answer only."""
    name, scopes = request.form.get("name", "").strip(), request.form.getlist("scope")
    if not 0 < len(name) <= MAX_NAME_CHARS or "\x00" in name:
        return render_keys(error_text=translate(INVALID_NAME_TEXT)), 400
    try:
        with current_container().database.transaction() as session:
            row, key = api_keys.create_api_key(
                session,
                current_principal().user_id,
                name=name,
                scopes=scopes,
                grantable_scopes=grantable_scopes(),
                expires_at=expiry_time(request.form.get("lifetime", "")),
            )
    except Invalid:
        return render_keys(error_text=translate(INVALID_SCOPES_TEXT)), 400
    return render_keys(new_key=(row, key))


@blueprint.post("/settings/keys/<int:key_id>/revoke")
@require_login()
def revoke_key(key_id: int) -> Response:
    """Revoke a key of mine, at once and for good."""
    with current_container().database.transaction() as session:
        api_keys.revoke_api_key(session, key_id, user_id=current_principal().user_id)
    flash(translate("The key is revoked. Whoever still uses it is refused."), "good")
    return redirect(url_for("key_pages.list_keys"))


def expiry_time(days: str) -> Any:
    return (
        current_container().services.now() + timedelta(days=int(days))
        if days in LIFETIME_LABELS and days
        else None
    )


def grantable_scopes() -> list[str]:
    """The scopes that this user may hand on, in their usual order."""
    principal = current_principal()
    allowed = principal.scopes | ({"workers:run"} if principal.is_admin else set())
    return [scope for scope in SCOPES if scope in allowed]


def render_keys(
    *, error_text: str | None = None, new_key: tuple[ApiKey, Secret] | None = None
) -> str:
    with current_container().database.transaction() as session:
        rows = api_keys.list_api_keys(session, current_principal().user_id)
    return render_template(
        "keys.html",
        keys=rows,
        mark=api_keys.KEY_PREFIX,
        now=current_container().services.now(),
        scopes=[(scope, translate(SCOPE_TEXTS[scope])) for scope in grantable_scopes()],
        lifetimes=[(days, translate(label)) for days, label in LIFETIME_LABELS.items()],
        longest=MAX_NAME_CHARS,
        fault=error_text,
        made=new_key[0] if new_key else None,
        key=new_key[1].reveal() if new_key else None,
    )
