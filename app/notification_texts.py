"""What a notification says, in one sentence: on the page of notifications and in mails."""

from app.http.i18n import gettext_noop, load_catalogue
from db.identity.notifications import Notification
from platforms.registry import PLATFORMS

DELIVERED_KINDS = frozenset(each.delivered_notification for each in PLATFORMS.values())
KIND_SENTENCES = {
    "needs_reconnect": gettext_noop(
        "%(name)s has to be connected again. Its posts wait until then."
    ),
    "disconnected_by_platform": gettext_noop("The platform has ended the connection of %(name)s."),
    "refresh_failed": gettext_noop(
        "The connection of %(name)s could not be renewed. It is tried again."
    ),
    "permissions_missing": gettext_noop("%(name)s did not give all permissions that are needed."),
    "connection_ends_soon": gettext_noop("The connection of %(name)s ends soon. Connect it again."),
    "data_access_ending": gettext_noop(
        "Access to the data of %(name)s ends soon. Connect it again."
    ),
    "post_published": gettext_noop("“%(title)s” is published."),
    **dict.fromkeys(
        DELIVERED_KINDS,
        gettext_noop("“%(title)s” is delivered as a draft. Finish it in the app of %(platform)s."),
    ),
    "post_failed": gettext_noop("“%(title)s” was not posted."),
    "post_unconfirmed": gettext_noop(
        "The outcome of “%(title)s” is not known yet. It is being checked with %(platform)s."
    ),
    "endpoint_disabled": gettext_noop(
        "The endpoint %(name)s is disabled. Its page shows the reason."
    ),
    "mention": gettext_noop("%(name)s was mentioned."),
    "new_comments": gettext_noop("There are new comments on the posts of %(name)s."),
    "reply_not_sent": gettext_noop("A reply of %(name)s to a comment was not sent."),
}
UNKNOWN_KIND_TEXT = gettext_noop("Notification of an unknown kind: %(kind)s")
UNNAMED_ACCOUNT, UNTITLED = gettext_noop("an account"), gettext_noop("Untitled")
UNNAMED_PLATFORM = gettext_noop("the platform")


def write_sentence(notification: Notification, locale: str) -> str:
    """Say what happened, in the given language."""
    translate = load_catalogue(locale).gettext
    payload = notification.payload
    platform = PLATFORMS.get(str(payload.get("platform")))
    return translate(KIND_SENTENCES.get(notification.kind, UNKNOWN_KIND_TEXT)) % {
        "name": payload.get("name") or translate(UNNAMED_ACCOUNT),
        "title": payload.get("title") or translate(UNTITLED),
        "platform": platform.brand.title if platform else translate(UNNAMED_PLATFORM),
        "kind": notification.kind,
    }
