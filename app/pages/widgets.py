"""The overview, the widget and the account page of each platform: parts that a script refreshes."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_fields, answer_rendered
from app.pages.account_view import account_fields, account_name
from app.pages.avatars import destination_avatar_url
from app.pages.brands import platform_title
from app.pages.home_view import home_fields
from app.pages.publish_pages import find_publish_page
from app.pages.quota_view import (
    destination_quota_account,
    load_quota_fields,
    login_quota_account,
)
from core import accounts, insights, publishing
from core.accounts import AccountView, DestinationView
from db.insights.videos import VIDEO_METRICS
from db.publishing.post_filter import PostFilter
from db.publishing.queries import PostStats
from platforms.publishing import Capability
from platforms.registry import PLATFORMS

blueprint = Blueprint("widgets", __name__)

UPLOADS_LIMIT, WIDGET_LIMIT = 25, 3
ACTIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 3, 15  # while a post is in progress, and otherwise


@blueprint.get(f"/widgets/{PLATFORM_URL_PARAM}")
@require_login("posts:read", "accounts:read")
def show_widget(platform: str) -> Response:
    """Show my accounts of a platform, post counts and latest posts."""
    return answer_rendered(render_template("_widget.html", **widget_fields(platform)))


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}")
@require_login("posts:read", "accounts:read")
def show_account_page(platform: str) -> str:
    """Show the page of a platform: accounts, what is left of their limits, posts."""
    fields = widget_fields(platform)
    uploads = publishing.list_posts(
        current_container().database,
        PostFilter(provider=platform),
        user_id=current_principal().user_id,
        limit=UPLOADS_LIMIT,
    )
    return render_template(
        "account_page.html",
        **fields,
        account_quotas=load_quotas(fields["views"]),
        uploads=[view.post for view in uploads.posts],
    )


@blueprint.get("/widgets/overview")
@require_login("posts:read", "accounts:read")
def show_overview() -> Response:
    """Show the changing part of the home page."""
    return answer_fields("_overview.html", home_fields())


def widget_fields(platform: str) -> dict[str, Any]:
    database, services, user_id = (
        current_container().database,
        current_container().services,
        current_principal().user_id,
    )
    with database.transaction() as session:
        views = accounts.list_account_views(session, services, user_id=user_id, provider=platform)
    counts = publishing.get_post_stats(database, user_id=user_id, provider=platform)
    recent = publishing.list_posts(
        database, PostFilter(provider=platform), user_id=user_id, limit=WIDGET_LIMIT
    )
    capabilities = PLATFORMS[platform].capabilities
    return {
        "platform": platform,
        "platform_name": platform_title(platform),
        "css_class": PLATFORMS[platform].brand.css_class,
        "publish_page": find_publish_page(platform),
        "has_drafts": Capability.DRAFT in capabilities,
        "has_comments": Capability.COMMENTS in capabilities,
        "has_insights_page": has_insights_page(platform),
        "views": views,
        "accounts": [account_fields(view) for view in views],
        "destinations": [destination_figures(item) for item in list_chosen(views)],
        "is_off": platform not in services.adapters,
        "counts": counts,
        "posts": [view.post for view in recent.posts],
        "video_totals": None if has_insights_page(platform) else load_video_totals(),
        "refresh_seconds": refresh_seconds(counts),
    }


def list_chosen(views: tuple[AccountView, ...]) -> list[DestinationView]:
    return [item for view in views for item in view.destinations or () if item.is_selected]


def destination_figures(item: DestinationView) -> dict[str, Any]:
    """An account that is posted to, with the figures that its platform gave."""
    return {
        "id": item.id,
        "name": item.name,
        "handle": item.handle,
        "avatar": destination_avatar_url(item),
        "is_lost": item.is_lost,
        "followers": item.details.get("followers_count"),
        "media": item.details.get("media_count"),
    }


def has_insights_page(platform: str) -> bool:
    """Whether metrics belong to the accounts behind logins, and not to the logins' videos."""
    rules = PLATFORMS[platform].sampling
    return rules is not None and rules.has_detailed_metrics


def load_quotas(views: tuple[AccountView, ...]) -> list[tuple[str, dict[str, Any]]]:
    """Load name and limits of each account that is posted to."""
    chosen = {
        destination_quota_account(view, item): item.name
        for view in views
        for item in view.destinations or ()
        if item.is_selected and not item.is_lost
    }
    logins = {
        login_quota_account(view): account_name(view)
        for view in views
        if view.destinations is None and not view.needs_reconnect
    }
    names = chosen | logins
    return [(names[account], fields) for account, fields in load_quota_fields(names).items()]


def load_video_totals() -> dict[str, int | None] | None:
    """Load the summed metrics of all my videos.

    None without the scope `insights:read`, or if no platform has given a value.
    """
    if not current_principal().has_scopes(["insights:read"]):
        return None
    totals = insights.load_video_totals(
        current_container().database, user_id=current_principal().user_id
    )
    return totals if any(totals[name] is not None for name in VIDEO_METRICS) else None


def refresh_seconds(counts: PostStats) -> int:
    return ACTIVE_REFRESH_SECONDS if counts.processing else IDLE_REFRESH_SECONDS
