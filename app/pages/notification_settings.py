"""Which kinds of notifications the pages show to a user."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.pages.notifications import DELIVERED_KINDS
from core.identity.preferences import mute_notifications

blueprint = Blueprint("notification_settings", __name__)

KIND_GROUPS = (
    (
        gettext_noop("Posts"),
        {
            "post_failed": gettext_noop("A post failed"),
            "post_unconfirmed": gettext_noop("The outcome of a post is not known yet"),
            "post_published": gettext_noop("A post is published"),
            " ".join(sorted(DELIVERED_KINDS)): gettext_noop("A draft waits to be finished"),
        },
    ),
    (
        gettext_noop("Accounts"),
        {
            "needs_reconnect": gettext_noop("An account has to be connected again"),
            "disconnected_by_platform": gettext_noop("A platform ended a connection"),
            "refresh_failed": gettext_noop("A connection could not be renewed yet"),
            "permissions_missing": gettext_noop("Permissions are missing"),
            "connection_ends_soon": gettext_noop("A connection ends soon"),
            "data_access_ending": gettext_noop("The access to data ends soon"),
        },
    ),
    (
        gettext_noop("Comments"),
        {
            "new_comments": gettext_noop("There are new comments"),
            "mention": gettext_noop("An account was mentioned"),
            "reply_not_sent": gettext_noop("A reply was not sent"),
        },
    ),
    (gettext_noop("Endpoints"), {"endpoint_disabled": gettext_noop("An endpoint is disabled")}),
)
"""Kinds by subject, with what each says. Those that say the same stand together."""


@blueprint.get("/settings/notifications")
@require_login()
def show_kinds() -> str:
    """Show which kinds of notifications my pages show."""
    muted = {*current_principal().muted_notifications}
    groups = [
        (
            translate_text(title),
            [
                (names, translate_text(label), muted.isdisjoint(names.split()))
                for names, label in kinds.items()
            ],
        )
        for title, kinds in KIND_GROUPS
    ]
    return render_template("notification_settings.html", groups=groups)


@blueprint.post("/settings/notifications")
@require_login()
def save_kinds() -> Response:
    """Save which kinds my pages show. The API lists all of them."""
    visible = {*request.form.getlist("kind")}
    muted = {
        kind
        for _, kinds in KIND_GROUPS
        for names in kinds
        if names not in visible
        for kind in names.split()
    }
    with current_container().database.transaction() as session:
        mute_notifications(session, current_principal().user_id, muted)
    flash(translate_text("Your settings are saved."), "good")
    return redirect(url_for("notification_settings.show_kinds"))
