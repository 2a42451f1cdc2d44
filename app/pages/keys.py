"""Pages of API keys: list, create and revoke them. A new key is displayed once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from core.errors import Conflict, Invalid, NotFound
from core.identity import api_keys
from core.scopes import OPERATOR_SCOPES
from db.identity.api_keys import ApiKey
from platforms.request_types import is_blank
from platforms.secret import Secret

blueprint = Blueprint("key_pages", __name__)

SCOPE_TEXTS = {
    "accounts:read": gettext_noop("See connected accounts and their state"),
    "posts:read": gettext_noop("See posts, their state and history"),
    "insights:read": gettext_noop("See metrics of accounts and posts"),
    "accounts:write": gettext_noop("Disconnect accounts"),
    "posts:write": gettext_noop("Publish posts, cancel them and try again"),
    "media:write": gettext_noop("Upload files"),
    "comments:write": gettext_noop("See, answer, hide and delete comments"),
    "workers:run": gettext_noop("Start workers by hand"),
    "admin": gettext_noop("See and repair everything that operators may"),
}
READ_SUFFIX = ":read"
READ_GROUP, WRITE_GROUP, OPERATOR_GROUP = (
    gettext_noop("Read"),
    gettext_noop("Write"),
    gettext_noop("Operator"),
)
LIFETIME_LABELS = {
    "30": gettext_noop("30 days"),
    "90": gettext_noop("90 days"),
    "365": gettext_noop("1 year"),
    "": gettext_noop("No end: until it is revoked"),
}
DEFAULT_LIFETIME = "90"
INVALID_NAME_TEXT = gettext_noop("Give the key a name of at most 100 characters.")
TOO_MANY_TEXT = gettext_noop("You can have at most %(most)d keys: revoke one first.")
INVALID_SCOPES_TEXT = gettext_noop("Choose at least one scope that you have yourself.")
EXAMPLE_PATH = "/api/auth/me"
"""A request that every key may make, whatever its scopes."""


@dataclass(frozen=True)
class KeyForm:
    """What was entered for a new key."""

    name: str = ""
    scopes: tuple[str, ...] = ()
    lifetime: str = DEFAULT_LIFETIME


@blueprint.get("/settings/keys")
@require_login()
def list_keys() -> str:
    """List my keys, newest first, without the keys themselves."""
    with current_container().database.transaction() as session:
        rows = api_keys.list_api_keys(session, current_principal().user_id)
    now = current_container().services.now()
    return render_template(
        "keys.html",
        keys=[row for row in rows if is_active(row, now)],
        ended_keys=[row for row in rows if not is_active(row, now)],
        key_prefix=api_keys.KEY_PREFIX,
    )


@blueprint.get("/settings/keys/new")
@require_login()
def show_form() -> str:
    """Show the form for a new key."""
    return render_form(KeyForm())


@blueprint.post("/settings/keys")
@require_login()
def create_key() -> str | tuple[str, int]:
    """Create a key with some of my own scopes and display it once."""
    form = KeyForm(
        request.form.get("name", "").strip(),
        tuple(request.form.getlist("scope")),
        request.form.get("lifetime", ""),
    )
    if is_blank(form.name) or len(form.name) > api_keys.MAX_NAME_CHARS or "\x00" in form.name:
        return render_form(form, ("name", translate_text(INVALID_NAME_TEXT))), 400
    try:
        with current_container().database.transaction() as session:
            row, key = api_keys.create_api_key(
                session,
                current_principal().user_id,
                name=form.name,
                scopes=form.scopes,
                grantable_scopes=current_principal().grantable_scopes,
                expires_at=expiry_time(form.lifetime),
            )
    except Invalid:
        return render_form(form, ("scopes", translate_text(INVALID_SCOPES_TEXT))), 400
    except Conflict:
        text = translate_text(TOO_MANY_TEXT, most=api_keys.MAX_KEYS_PER_USER)
        return render_form(form, ("", text)), 409
    return render_template(
        "key_created.html", key=row, key_value=key.reveal(), example=example_command(key)
    )


@blueprint.get("/settings/keys/<int:key_id>/revoke")
@require_login()
def confirm_revocation(key_id: int) -> str:
    """Show what revoking a key does, and the form to confirm it."""
    with current_container().database.transaction() as session:
        rows = api_keys.list_api_keys(session, current_principal().user_id)
    key = next((row for row in rows if row.id == key_id and row.revoked_at is None), None)
    if key is None:
        raise NotFound("this user has no such key")
    return render_template("key_revoke.html", key=key, key_prefix=api_keys.KEY_PREFIX)


@blueprint.post("/settings/keys/<int:key_id>/revoke")
@require_login()
def revoke_key(key_id: int) -> Response:
    """Revoke a key, immediately and permanently."""
    with current_container().database.transaction() as session:
        api_keys.revoke_api_key(session, key_id, user_id=current_principal().user_id)
    flash(translate_text("The key is revoked. Requests that still use it are refused."), "good")
    return redirect(url_for("key_pages.list_keys"))


def is_active(key: ApiKey, now: datetime) -> bool:
    """Whether requests with the key are accepted."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


def expiry_time(days: str) -> datetime | None:
    """Return when a key with the chosen lifetime expires; None if it does not expire."""
    if not days or days not in LIFETIME_LABELS:
        return None
    return current_container().services.now() + timedelta(days=int(days))


def example_command(key: Secret) -> str:
    """Return a command that shows that the key works."""
    base_url = current_container().settings.public_url.rstrip("/")
    return f'curl -H "Authorization: Bearer {key.reveal()}" {base_url}{EXAMPLE_PATH}'


def render_form(form: KeyForm, error: tuple[str, str] | None = None) -> str:
    """Show the form as it was filled in. `error`: the id of the field, and a sentence."""
    return render_template(
        "key_new.html",
        form=form,
        error=error,
        groups=group_scopes(),
        lifetimes=[(days, lifetime_label(days)) for days in LIFETIME_LABELS],
        max_name_chars=api_keys.MAX_NAME_CHARS,
    )


def lifetime_label(days: str) -> dict[str, Any]:
    """Return the label of a lifetime and the time at which it would end."""
    return {"text": translate_text(LIFETIME_LABELS[days]), "ends_at": expiry_time(days)}


def group_scopes() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the scopes that I may grant with their sentences, by what they are for."""
    groups: dict[str, list[tuple[str, str]]] = {
        READ_GROUP: [],
        WRITE_GROUP: [],
        OPERATOR_GROUP: [],
    }
    for scope, text in SCOPE_TEXTS.items():
        if scope in current_principal().grantable_scopes:
            groups[scope_group(scope)].append((scope, translate_text(text)))
    return [(translate_text(name), scopes) for name, scopes in groups.items() if scopes]


def scope_group(scope: str) -> str:
    if scope in OPERATOR_SCOPES:
        return OPERATOR_GROUP
    return READ_GROUP if scope.endswith(READ_SUFFIX) else WRITE_GROUP
