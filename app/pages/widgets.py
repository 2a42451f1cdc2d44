"""The overview and the TikTok widget: parts of pages that a script refreshes."""

from typing import Any

from flask import Blueprint, render_template

from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop
from app.pages.accounts import account_fields, account_fields_with_quota, load_platforms
from core import accounts, insights, publishing
from db.insights.videos import VIDEO_METRICS
from db.posts.queries import PostFilter, PostStats

blueprint = Blueprint("widgets", __name__)

UPLOADS_LIMIT, RECENT_LIMIT, WIDGET_LIMIT = 25, 8, 3
ACTIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 3, 15  # while a post is in progress, and otherwise


@blueprint.get("/widgets/tiktok")
@require_login("posts:read", "accounts:read")
def show_tiktok_widget() -> str:
    """Show my TikTok accounts, post counts and latest uploads."""
    return render_template("_tiktok_widget.html", **tiktok_fields())


@blueprint.get("/platforms/tiktok")
@require_login("posts:read", "accounts:read")
def show_tiktok() -> str:
    """Show the TikTok page: accounts, their remaining quotas, uploads."""
    database, services, user_id = (
        current_container().database,
        current_container().services,
        current_principal().user_id,
    )
    fields = tiktok_fields()
    uploads = publishing.list_posts(
        database, PostFilter(provider="tiktok"), user_id=user_id, limit=UPLOADS_LIMIT
    )
    account_quotas = [
        (
            account["name"],
            publishing.get_remaining_quota(
                database, services, user_id=user_id, account_id=account["id"]
            ),
        )
        for account in fields["accounts"]
        if not account["needs_reconnect"]
    ]
    return render_template(
        "tiktok.html",
        **fields,
        account_quotas=account_quotas,
        uploads=[view.post for view in uploads.posts],
    )


@blueprint.get("/widgets/overview")
@require_login("posts:read", "accounts:read")
def show_overview() -> str:
    """Show the changing part of the home page."""
    return render_template("_overview.html", **overview_fields())


def tiktok_fields() -> dict[str, Any]:
    database, services, user_id = (
        current_container().database,
        current_container().services,
        current_principal().user_id,
    )
    with database.transaction() as session:
        views = accounts.list_account_views(session, services, user_id=user_id, provider="tiktok")
    counts = publishing.get_post_stats(database, user_id=user_id)
    recent = publishing.list_posts(
        database, PostFilter(provider="tiktok"), user_id=user_id, limit=WIDGET_LIMIT
    )
    return {
        "accounts": [account_fields(view) for view in views],
        "is_off": "tiktok" not in services.adapters,
        "counts": counts,
        "posts": [view.post for view in recent.posts],
        "video_totals": load_video_totals(),
        "refresh_seconds": refresh_seconds(counts),
    }


def load_video_totals() -> dict[str, int | None] | None:
    """Load the summed metrics of all my videos.

    None without the scope `insights:read`, or if TikTok has given no value.
    """
    if not current_principal().has_scopes(["insights:read"]):
        return None
    totals = insights.load_video_totals(
        current_container().database, user_id=current_principal().user_id
    )
    return totals if any(totals[name] is not None for name in VIDEO_METRICS) else None


def overview_fields() -> dict[str, Any]:
    """Load the fields of the overview: accounts, post counts, and what needs attention."""
    database, user_id = current_container().database, current_principal().user_id
    counts = publishing.get_post_stats(database, user_id=user_id)
    recent = publishing.list_posts(database, PostFilter(), user_id=user_id, limit=RECENT_LIMIT)
    views = [view for platform in load_platforms() for view in platform.accounts]
    return {
        "post_counts": [
            (gettext_noop("all"), counts.total),
            (gettext_noop("in progress"), counts.processing),
            (gettext_noop("in your inbox"), counts.inbox),
            (gettext_noop("published"), counts.complete),
            (gettext_noop("failed"), counts.failed),
        ],
        "accounts": [
            account_fields_with_quota(view) for view in views if view.provider == "tiktok"
        ],
        "accounts_to_reconnect": [account_fields(view) for view in views if view.needs_reconnect],
        "posts": [view.post for view in recent.posts],
        "video_totals": load_video_totals(),
        "refresh_seconds": refresh_seconds(counts),
    }


def refresh_seconds(counts: PostStats) -> int:
    return ACTIVE_REFRESH_SECONDS if counts.processing else IDLE_REFRESH_SECONDS
