"""What a creator or the app may still do today. Reads the posts; starts none.

Source: TikTok, content-sharing-guidelines, -reference-direct-post, -upload-video, read 2026-09-11.
Of the two readings of "pending", the documented one is kept: five in any 24 hours.
"""

from platforms.sandbox.tiktok.answers import Refused
from platforms.sandbox.tiktok.creators import ONLY_ME, Creator
from platforms.sandbox.tiktok.posts import DIRECTS, Post, Status
from platforms.sandbox.tiktok.settings import DAY
from platforms.sandbox.tiktok.state import TikTok


def check_creator(tiktok: TikTok, creator: Creator, *, status: int = 0) -> None:
    """Whether this creator can post directly right now. Errors: Refused, at creator_info with 200.

    Shapes: `status` replaces the usual 403.
    """
    if creator.banned:
        raise Refused("spam_risk_user_banned_from_posting", status=status)
    posted = [post for post in today(tiktok, creator.open_id) if post.kind in DIRECTS]
    if len(posted) + creator.posts_elsewhere >= tiktok.settings.direct_daily:
        raise Refused("spam_risk_too_many_posts", status=status)
    if is_full(tiktok, creator):
        raise Refused("reached_active_user_cap", status=status)


def check_audit(tiktok: TikTok, creator: Creator, level: str) -> None:
    """An unaudited app posts for private accounts only, and to nobody else. Errors: Refused."""
    if not tiktok.settings.audited and not (creator.private and level == ONLY_ME):
        raise Refused("unaudited_client_can_only_post_to_private_accounts")


def check_drafts(tiktok: TikTok, creator: Creator) -> None:
    """Errors: Refused."""
    if creator.banned:
        raise Refused("spam_risk_user_banned_from_posting")
    drafts = [post for post in today(tiktok, creator.open_id) if post.kind not in DIRECTS]
    if len(drafts) >= tiktok.settings.pending_limit:
        raise Refused("spam_risk_too_many_pending_share")


def is_full(tiktok: TikTok, creator: Creator) -> bool:
    """Too many people post through this app today; who already did goes on."""
    settings = tiktok.settings
    cap = settings.active_user_cap if settings.audited else settings.unaudited_users
    active = {post.open_id for post in counted(tiktok) if post.kind in DIRECTS}
    return bool(cap) and creator.open_id not in active and len(active) >= cap


def today(tiktok: TikTok, open_id: str) -> list[Post]:
    return [post for post in counted(tiktok) if post.open_id == open_id]


def counted(tiktok: TikTok) -> list[Post]:
    since = tiktok.time - DAY
    posts = tiktok.posts.all()
    return [one for one in posts if one.created_at > since and one.status is not Status.FAILED]
