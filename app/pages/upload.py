"""The upload page, and its two parts that depend on the chosen account: quota and direct options.

The limits here only help people fill in the form: the API checks the request.
"""

from typing import Any

from flask import Blueprint, render_template

from app.http.context import current_container, current_principal, require_login
from app.http.errors import get_error_code
from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import get_message
from app.http.validation import row_id_from_query
from app.pages.accounts import account_fields
from app.pages.quota_view import load_quota_fields
from core import accounts, publishing
from core.errors import CoreError
from platforms.errors import PlatformError

blueprint = Blueprint("upload_pages", __name__)

MAX_INBOX_TITLE_UNITS = 150  # UTF-16 units, as in TikTok's own editor
MAX_TITLE_UNITS, MAX_PHOTO_TITLE_UNITS, MAX_DESCRIPTION_UNITS = 2200, 90, 4000  # UTF-16 units
MAX_PHOTOS = 35
REFRESH_SECONDS = 30
PRIVACY_LABELS = {
    "PUBLIC_TO_EVERYONE": gettext_noop("Everyone"),
    "MUTUAL_FOLLOW_FRIENDS": gettext_noop("Friends"),
    "FOLLOWER_OF_CREATOR": gettext_noop("Followers"),
    "SELF_ONLY": gettext_noop("Only me"),
}


@blueprint.get("/platforms/tiktok/upload")
@require_login("posts:write", "media:write")
def show_upload_form() -> str:
    """Show the form that uploads a video or photos."""
    services = current_container().services
    with current_container().database.transaction() as session:
        views = accounts.list_account_views(
            session, services, user_id=current_principal().user_id, provider="tiktok"
        )
    active_accounts = [account_fields(view) for view in views if view.is_active]
    return render_template(
        "upload.html",
        accounts=active_accounts,
        accounts_to_reconnect=[account_fields(view) for view in views if view.needs_reconnect],
        quota=load_quota_fields("tiktok", account_id=active_accounts[0]["id"])
        if active_accounts
        else None,
        refresh_seconds=REFRESH_SECONDS,
        max_bytes=services.settings.of_platform("tiktok").max_video_bytes,
        max_photos=MAX_PHOTOS,
        max_lengths={
            "INBOX": MAX_INBOX_TITLE_UNITS,
            "DIRECT": MAX_TITLE_UNITS,
            "PHOTO": MAX_PHOTO_TITLE_UNITS,
            "description": MAX_DESCRIPTION_UNITS,
        },
    )


@blueprint.get("/platforms/tiktok/upload/quota")
@require_login("posts:read")
def show_quota() -> str:
    """Show an account's remaining quota, for the script that refreshes it."""
    return render_template(
        "_quota.html",
        quota=load_quota_fields("tiktok", account_id=row_id_from_query("account_id")),
        refresh_seconds=REFRESH_SECONDS,
    )


@blueprint.get("/platforms/tiktok/upload/direct")
@require_login("posts:write")
def show_direct_options() -> str:
    """Show the options that the creator's account allows now; they are queried for each form."""
    return render_template(
        "_direct_options.html", **creator_fields(row_id_from_query("account_id"))
    )


def creator_fields(account_id: int | None) -> dict[str, Any]:
    """Load what the creator's account allows, or the error message if it cannot post now."""
    try:
        creator = publishing.get_creator(
            current_container().database,
            current_container().services,
            "tiktok",
            user_id=current_principal().user_id,
            account_id=account_id,
        )
    except (CoreError, PlatformError) as error:
        return {"blocked": get_message(get_error_code(error), current_locale()), "creator": None}
    audiences = [
        (level, translate_text(PRIVACY_LABELS[level]))
        for level in creator.privacy_levels
        if level in PRIVACY_LABELS
    ]
    return {"blocked": None, "creator": creator, "audiences": audiences}
