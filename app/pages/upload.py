"""The page that sends something on its way, and its two parts that depend on the account chosen.

Decides nothing: what may be sent is checked where a wish becomes a post.
"""

from typing import Any

from flask import Blueprint, render_template, request

from app.http.context import current_container, current_principal, require_login
from app.http.errors import get_error_code
from app.http.i18n import current_locale, translate
from app.http.messages import get_message
from app.pages.accounts import account_fields
from app.pages.badges import PRIVACY_LABELS
from core import accounts, publishing
from core.errors import CoreError
from core.publishing.request_schema import MAX_DESCRIPTION_UNITS, MAX_PHOTOS, MAX_TITLE_UNITS
from platforms.errors import PlatformError

blueprint = Blueprint("upload_pages", __name__)

MAX_INBOX_TITLE_UNITS, MAX_PHOTO_TITLE_UNITS = (
    150,
    90,
)  # UTF-16 units: what TikTok's own editor takes
REFRESH_SECONDS = 30  # seconds


@blueprint.get("/platforms/tiktok/upload")
@require_login("posts:write", "media:write")
def show_upload_form() -> str:
    """The form that sends a video or photos on their way."""
    services = current_container().services
    with current_container().database.transaction() as session:
        rows = accounts.list_account_views(
            session, services, user_id=current_principal().user_id, provider="tiktok"
        )
    active_accounts = [account_fields(account_row) for account_row in rows if account_row.is_active]
    return render_template(
        "upload.html",
        accounts=active_accounts,
        ailing=[account_fields(account_row) for account_row in rows if account_row.needs_reconnect],
        left=load_remaining_quota(active_accounts[0]["id"]) if active_accounts else None,
        next=REFRESH_SECONDS,
        max_bytes=services.settings.limits.tiktok_max_video_bytes,
        most_photos=MAX_PHOTOS,
        longest={
            "INBOX": MAX_INBOX_TITLE_UNITS,
            "DIRECT": MAX_TITLE_UNITS,
            "PHOTO": MAX_PHOTO_TITLE_UNITS,
            "description": MAX_DESCRIPTION_UNITS,
        },
    )


@blueprint.get("/platforms/tiktok/upload/quota")
@require_login("posts:read")
def show_quota() -> str:
    """What an account may still send, for the script that keeps it fresh."""
    return render_template(
        "_quota.html", left=load_remaining_quota(account_id_from_query()), next=REFRESH_SECONDS
    )


@blueprint.get("/platforms/tiktok/upload/direct")
@require_login("posts:write")
def show_direct_options() -> str:
    """What the creator allows right now: asked for this form, and kept nowhere."""
    return render_template("_direct.html", **creator_fields(account_id_from_query()))


def creator_fields(account_id: int | None) -> dict[str, Any]:
    try:
        creator = publishing.get_creator(
            current_container().database,
            current_container().services,
            user_id=current_principal().user_id,
            account_id=account_id,
        )
    except (CoreError, PlatformError) as error:
        return {"blocked": get_message(get_error_code(error), current_locale()), "creator": None}
    audiences = [
        (level, translate(PRIVACY_LABELS[level]))
        for level in creator.privacy_levels
        if level in PRIVACY_LABELS
    ]
    return {"blocked": None, "creator": creator, "audiences": audiences}


def load_remaining_quota(account_id: int | None) -> publishing.RemainingQuota:
    return publishing.get_remaining_quota(
        current_container().database,
        current_container().services,
        user_id=current_principal().user_id,
        account_id=account_id,
    )


def account_id_from_query() -> int | None:
    """The account named in the address; what is no id of ours names none."""
    value = request.args.get("account_id", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
