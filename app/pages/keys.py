"""The page of API keys: list, create and revoke them. A new key is shown once."""

from datetime import datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from core.errors import Conflict, Invalid
from core.identity import api_keys
from db.identity.api_keys import ApiKey
from platforms.request_types import is_blank
from platforms.secret import Secret

blueprint = Blueprint("key_pages", __name__)

SCOPE_TEXTS = {
    "accounts:read": gettext_noop("see connected accounts"),
    "accounts:write": gettext_noop("disconnect accounts"),
    "posts:read": gettext_noop("see posts"),
    "posts:write": gettext_noop("post, cancel, try again"),
    "media:write": gettext_noop("upload files"),
    "insights:read": gettext_noop("see metrics"),
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
TOO_MANY_TEXT = gettext_noop("You can have at most %(most)d keys: revoke one first.")
INVALID_SCOPES_TEXT = gettext_noop("Choose at least one permission that you have yourself.")


@blueprint.get("/settings/keys")
@require_login()
def list_keys() -> str:
    """List my keys, newest first, without the keys themselves."""
    return render_keys()


@blueprint.post("/settings/keys")
@require_login()
def create_key() -> str | tuple[str, int]:
    """Create a key with some of my own scopes and show it once."""
    name, scopes = request.form.get("name", "").strip(), request.form.getlist("scope")
    if is_blank(name) or len(name) > api_keys.MAX_NAME_CHARS or "\x00" in name:
        return render_keys(error_text=translate_text(INVALID_NAME_TEXT)), 400
    try:
        with current_container().database.transaction() as session:
            row, key = api_keys.create_api_key(
                session,
                current_principal().user_id,
                name=name,
                scopes=scopes,
                grantable_scopes=current_principal().grantable_scopes,
                expires_at=expiry_time(request.form.get("lifetime", "")),
            )
    except Invalid:
        return render_keys(error_text=translate_text(INVALID_SCOPES_TEXT)), 400
    except Conflict:
        text = translate_text(TOO_MANY_TEXT, most=api_keys.MAX_KEYS_PER_USER)
        return render_keys(error_text=text), 409
    return render_keys(new_key=(row, key))


@blueprint.post("/settings/keys/<int:key_id>/revoke")
@require_login()
def revoke_key(key_id: int) -> Response:
    """Revoke a key, immediately and permanently."""
    with current_container().database.transaction() as session:
        api_keys.revoke_api_key(session, key_id, user_id=current_principal().user_id)
    flash(translate_text("The key is revoked. Requests that still use it are refused."), "good")
    return redirect(url_for("key_pages.list_keys"))


def expiry_time(days: str) -> datetime | None:
    """Return when a key with the chosen lifetime expires; None if it does not expire."""
    if not days or days not in LIFETIME_LABELS:
        return None
    return current_container().services.now() + timedelta(days=int(days))


def render_keys(
    *, error_text: str | None = None, new_key: tuple[ApiKey, Secret] | None = None
) -> str:
    with current_container().database.transaction() as session:
        rows = api_keys.list_api_keys(session, current_principal().user_id)
    return render_template(
        "keys.html",
        keys=rows,
        key_prefix=api_keys.KEY_PREFIX,
        now=current_container().services.now(),
        scopes=[
            (scope, translate_text(SCOPE_TEXTS[scope]))
            for scope in current_principal().grantable_scopes
        ],
        lifetimes=[(days, translate_text(label)) for days, label in LIFETIME_LABELS.items()],
        max_name_chars=api_keys.MAX_NAME_CHARS,
        error_text=error_text,
        created_key=new_key[0] if new_key else None,
        key_value=new_key[1].reveal() if new_key else None,
    )
