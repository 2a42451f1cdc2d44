"""Which kinds of notifications the pages show to a user, and which are sent by e-mail."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.notification_texts import DELIVERED_KINDS
from core.identity.preferences import mail_notifications, mute_notifications
from db.identity.users import Users

blueprint = Blueprint("notification_settings", __name__)


class KindChoice(NamedTuple):
    """`names`: one kind, or several with blanks between that say the same."""

    names: str
    label: str
    is_visible: bool
    is_mailed: bool


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
    """Show which kinds of notifications my pages show, and which are sent by e-mail."""
    muted, mailed = {*current_principal().muted_notifications}, read_mailed_kinds()
    groups = [
        (
            translate_text(title),
            [
                KindChoice(
                    names,
                    translate_text(label),
                    is_visible=muted.isdisjoint(names.split()),
                    is_mailed=mailed.issuperset(names.split()),
                )
                for names, label in kinds.items()
            ],
        )
        for title, kinds in KIND_GROUPS
    ]
    return render_template(
        "notification_settings.html",
        groups=groups,
        can_mail=has_mail_server(),
        email=current_principal().email,
    )


@blueprint.post("/settings/notifications")
@require_login()
def save_kinds() -> Response:
    """Save which kinds my pages show, and which are sent. The API lists all of them."""
    visible, mailed = {*request.form.getlist("kind")}, {*request.form.getlist("mailed")}
    kind_names = [names for _, kinds in KIND_GROUPS for names in kinds]
    user_id = current_principal().user_id
    with current_container().database.transaction() as session:
        mute_notifications(session, user_id, split_names(kind_names, without=visible))
        if has_mail_server():
            unwanted = {*kind_names} - mailed
            mail_notifications(session, user_id, split_names(kind_names, without=unwanted))
    flash(translate_text("Your settings are saved."), "good")
    return redirect(url_for("notification_settings.show_kinds"))


def read_mailed_kinds() -> set[str]:
    with current_container().database.transaction() as session:
        user = Users(session).get(current_principal().user_id)
    return {*user.mailed_notifications} if user else set()


def has_mail_server() -> bool:
    return current_container().settings.alerts.mail_server is not None


def split_names(choices: Iterable[str], *, without: Collection[str]) -> set[str]:
    """Return the kinds of these choices. A choice may be several kinds that say the same."""
    return {kind for names in choices if names not in without for kind in names.split()}
