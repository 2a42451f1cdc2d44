"""Platforms' scopes in plain words."""

from app.http.i18n import gettext_noop, translate_text

SCOPE_TEXTS = {
    "user.info.basic": gettext_noop("see your name and picture"),
    "user.info.profile": gettext_noop("see your profile"),
    "user.info.stats": gettext_noop("see how many follow you"),
    "video.upload": gettext_noop("put drafts into your TikTok inbox"),
    "video.publish": gettext_noop("post for you"),
    "video.list": gettext_noop("see your videos and their metrics"),
    "instagram_basic": gettext_noop("see your professional accounts and their posts"),
    "instagram_content_publish": gettext_noop("post for you"),
    "instagram_manage_comments": gettext_noop("read, answer, hide and delete comments"),
    "instagram_manage_insights": gettext_noop("see the metrics of your posts and accounts"),
    "pages_show_list": gettext_noop("see which Pages you manage"),
    "pages_read_engagement": gettext_noop("read what happens on these Pages"),
    "pages_manage_metadata": gettext_noop("receive events of these Pages"),
    "business_management": gettext_noop("see the Pages of your business portfolios"),
    "instagram_business_basic": gettext_noop("see your professional accounts and their posts"),
    "instagram_business_content_publish": gettext_noop("post for you"),
    "instagram_business_manage_comments": gettext_noop("read, answer, hide and delete comments"),
    "instagram_business_manage_insights": gettext_noop(
        "see the metrics of your posts and accounts"
    ),
}
"""A scope without an entry is shown by its name."""


def describe_scope(scope: str) -> tuple[str, str]:
    """Return a platform's scope and its description in plain words."""
    return scope, translate_text(SCOPE_TEXTS[scope]) if scope in SCOPE_TEXTS else scope
