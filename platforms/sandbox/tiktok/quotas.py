"""Quotas of a creator and of the app: posts and drafts per day, creators per day.

Source: TikTok, content-sharing-guidelines, -reference-direct-post, -upload-video, read 2026-09-11.
Of the two readings of "pending", the documented one is used: five in any 24 hours.
"""

from platforms.sandbox.clock import DAY_SECONDS
from platforms.sandbox.tiktok.creators import ONLY_ME, SandboxCreator
from platforms.sandbox.tiktok.posts import DIRECT_KINDS, SandboxPost, SandboxPostStatus
from platforms.sandbox.tiktok.responses import ApiRefused
from platforms.sandbox.tiktok.state import TikTokState


def check_creator(tiktok: TikTokState, creator: SandboxCreator, *, status: int = 0) -> None:
    """Check whether the creator can post directly at the moment.

    `status` replaces the usual 403 of an error; creator_info uses 200.
    Errors: ApiRefused.
    """
    if creator.banned:
        raise ApiRefused("spam_risk_user_banned_from_posting", status=status)
    posted = [post for post in posts_today(tiktok, creator.open_id) if post.kind in DIRECT_KINDS]
    if len(posted) + creator.posts_elsewhere >= tiktok.settings.direct_daily:
        raise ApiRefused("spam_risk_too_many_posts", status=status)
    if is_user_cap_reached(tiktok, creator):
        raise ApiRefused("reached_active_user_cap", status=status)


def check_audit_limit(tiktok: TikTokState, creator: SandboxCreator, level: str) -> None:
    """Restrict an unaudited app to private accounts and posts for their owner only.

    Errors: ApiRefused.
    """
    if not tiktok.settings.audited and not (creator.private and level == ONLY_ME):
        raise ApiRefused("unaudited_client_can_only_post_to_private_accounts")


def check_draft_limit(tiktok: TikTokState, creator: SandboxCreator) -> None:
    """Check whether the creator may get another draft. Errors: ApiRefused."""
    if creator.banned:
        raise ApiRefused("spam_risk_user_banned_from_posting")
    drafts = [
        post for post in posts_today(tiktok, creator.open_id) if post.kind not in DIRECT_KINDS
    ]
    if len(drafts) >= tiktok.settings.pending_limit:
        raise ApiRefused("spam_risk_too_many_pending_share")


def is_user_cap_reached(tiktok: TikTokState, creator: SandboxCreator) -> bool:
    """Return whether the app's daily cap excludes the creator; those who posted today may go on."""
    settings = tiktok.settings
    cap = settings.active_user_cap if settings.audited else settings.unaudited_users
    active_ids = {post.open_id for post in counted_posts(tiktok) if post.kind in DIRECT_KINDS}
    return bool(cap) and creator.open_id not in active_ids and len(active_ids) >= cap


def posts_today(tiktok: TikTokState, open_id: str) -> list[SandboxPost]:
    return [post for post in counted_posts(tiktok) if post.open_id == open_id]


def counted_posts(tiktok: TikTokState) -> list[SandboxPost]:
    """Return the posts of the last 24 hours that count for a quota: all that have not failed."""
    since = tiktok.time - DAY_SECONDS
    return [
        post
        for post in tiktok.posts.all()
        if post.created_at > since and post.status is not SandboxPostStatus.FAILED
    ]
