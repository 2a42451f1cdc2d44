"""Fragments that any page can include and a script keeps fresh. Decides nothing."""

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
COUNT_LABELS = (
    ("total", gettext_noop("all")),
    ("processing", gettext_noop("under way")),
    ("inbox", gettext_noop("in your inbox")),
    ("complete", gettext_noop("published")),
    ("failed", gettext_noop("failed")),
)
ACTIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = (
    3,
    15,
)  # seconds until the next look: while something moves, and while nothing does


@blueprint.get("/widgets/tiktok")
@require_login("posts:read", "accounts:read")
def show_tiktok_widget() -> str:
    """How TikTok stands for me: account, figures, the last uploads."""
    return render_template("_widget.html", **tiktok_fields())


@blueprint.get("/platforms/tiktok")
@require_login("posts:read", "accounts:read")
def show_tiktok() -> str:
    """Everything of TikTok: accounts, what is left of their quotas, uploads."""
    database, services, user_id = (
        current_container().database,
        current_container().services,
        current_principal().user_id,
    )
    fields = tiktok_fields()
    uploads = publishing.list_posts(
        database, PostFilter(provider="tiktok"), user_id=user_id, limit=UPLOADS_LIMIT
    )
    quotas = [
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
        "account.html", **fields, lefts=quotas, uploads=[view.post for view in uploads.posts]
    )


@blueprint.get("/widgets/overview")
@require_login("posts:read", "accounts:read")
def show_overview() -> str:
    """The part of the first page that changes."""
    return render_template("_overview.html", **overview_fields())


def tiktok_fields() -> dict[str, Any]:
    database, services, user_id = (
        current_container().database,
        current_container().services,
        current_principal().user_id,
    )
    with database.transaction() as session:
        rows = accounts.list_account_views(session, services, user_id=user_id, provider="tiktok")
    counts = publishing.get_post_stats(database, user_id=user_id)
    recent = publishing.list_posts(
        database, PostFilter(provider="tiktok"), user_id=user_id, limit=WIDGET_LIMIT
    )
    return {
        "accounts": [account_fields(each) for each in rows],
        "is_off": "tiktok" not in services.platforms,
        "counts": counts,
        "posts": [view.post for view in recent.posts],
        "sums": load_video_totals(),
        "next": refresh_seconds(counts),
    }


def load_video_totals() -> dict[str, int | None] | None:
    """What TikTok counts of all my videos, for those who may see it; None where it told nothing."""
    if not current_principal().has_scopes(["insights:read"]):
        return None
    totals = insights.load_video_totals(
        current_container().database, user_id=current_principal().user_id
    )
    return totals if any(totals[name] is not None for name in VIDEO_METRICS) else None


def overview_fields() -> dict[str, Any]:
    """Accounts, posts by state, and what needs attention."""
    database, user_id = current_container().database, current_principal().user_id
    states = [each for each in load_platforms() if each.accounts or each.is_configured]
    counts = publishing.get_post_stats(database, user_id=user_id)
    recent = publishing.list_posts(database, PostFilter(), user_id=user_id, limit=RECENT_LIMIT)
    rows = [each for state in states for each in state.accounts]
    return {
        "figures": [(label, getattr(counts, name)) for name, label in COUNT_LABELS],
        "accounts": [account_fields_with_quota(each) for each in rows if each.provider == "tiktok"],
        "ailing": [account_fields(each) for each in rows if each.needs_reconnect],
        "posts": [view.post for view in recent.posts],
        "sums": load_video_totals(),
        "next": refresh_seconds(counts),
    }


def refresh_seconds(counts: PostStats) -> int:
    return ACTIVE_REFRESH_SECONDS if counts.processing else IDLE_REFRESH_SECONDS
