"""TikTok as data: kinds of posts, rules of media and quotas, statuses, webhook events.

Source: TikTok, content-posting-api-reference-* and -media-transfer-guide,
content-sharing-guidelines, read 2026-11-22.
"""

from datetime import timedelta

from platforms.media_rules import MediaRule
from platforms.platform import (
    CallClass,
    Effect,
    OlderArgument,
    Platform,
    PostingChoices,
    QuotaHold,
    QuotaRule,
    QuotaScope,
)
from platforms.publishing import Capability, EndsAs, MediaSlot, PostKind, TextRule
from platforms.tiktok.adapter import build_adapter, build_webhooks
from platforms.tiktok.brand import BRAND
from platforms.tiktok.creator import build_creator_info
from platforms.tiktok.events import REMOVAL_REASONS, UNKNOWN_REMOVAL
from platforms.tiktok.exchange_fields import EXCHANGE_FIELDS
from platforms.tiktok.failure_reasons import FAILURE_REASONS
from platforms.tiktok.form import FORM
from platforms.tiktok.login import FLOW_RULES
from platforms.tiktok.options import TikTokOptions
from platforms.tiktok.post_rules import (
    build_stored_fields,
    find_post_problems,
    find_refusal,
    list_stored_urls,
)
from platforms.tiktok.sampling import SAMPLING
from platforms.tiktok.seed_paths import SEED_PATHS
from platforms.tiktok.settings import TikTokSettings

DAY = timedelta(hours=24)
FRAME_RATE_TOLERANCE = 0.5  # frames per second: headers round, and 60 is written as 60.02
VIDEO_TEXT = TextRule(max_length=2200, unit="utf16", is_required=True)
PHOTO_TEXT = TextRule(max_length=90, unit="utf16", is_required=True)
VIDEO_SLOTS = (MediaSlot("video", 1, 1, ("video",)),)
PHOTO_SLOTS = (MediaSlot("image", 1, 35, ("photo",)),)

KINDS = {
    kind.name: kind
    for kind in (
        PostKind(
            "INBOX_VIDEO",
            VIDEO_SLOTS,
            EndsAs.DRAFT,
            Capability.DRAFT,
            VIDEO_TEXT,
            {"drafts": 1},
            can_caller_send=True,
        ),
        PostKind(
            "DIRECT_VIDEO",
            VIDEO_SLOTS,
            EndsAs.PUBLIC,
            Capability.PUBLISH,
            VIDEO_TEXT,
            {"direct": 1, "users": 1},
            can_caller_send=True,
        ),
        PostKind(
            "INBOX_PHOTO", PHOTO_SLOTS, EndsAs.DRAFT, Capability.DRAFT, PHOTO_TEXT, {"drafts": 1}
        ),
        PostKind(
            "DIRECT_PHOTO",
            PHOTO_SLOTS,
            EndsAs.PUBLIC,
            Capability.PUBLISH,
            PHOTO_TEXT,
            {"direct": 1, "users": 1},
        ),
    )
}

MEDIA_RULES = {
    "video": MediaRule(
        name="video",
        content_types=frozenset({"video/mp4", "video/quicktime", "video/webm"}),
        max_bytes=4_000_000_000,
        is_video=True,
        max_bytes_setting="max_video_bytes",
        containers=frozenset({"mp4", "mov", "webm"}),
        seconds=(0.001, 600.0),
        width=(360, 4096),
        height=(360, 4096),
        fps=(23.0 - FRAME_RATE_TOLERANCE, 60.0 + FRAME_RATE_TOLERANCE),
        codecs=frozenset({"h264", "hevc", "vp8", "vp9"}),
        can_send=True,
        codes={
            "format": "file_format_check_failed",
            "codec": "file_format_check_failed",
            "duration": "duration_check_failed",
            "frame_rate": "frame_rate_check_failed",
            "width": "picture_size_check_failed",
            "height": "picture_size_check_failed",
            "too_large": "too_large",
        },
    ),
    "photo": MediaRule(
        name="photo",
        content_types=frozenset({"image/jpeg", "image/webp"}),
        max_bytes=20_000_000,
        is_video=False,
    ),
}

QUOTAS = {
    rule.name: rule
    for rule in (
        QuotaRule(
            name="drafts",
            scope=QuotaScope.LOGIN,
            hold=QuotaHold.WHILE_PENDING,
            window=DAY,
            limit_setting="pending_limit",
            code="spam_risk_too_many_pending_share",
        ),
        QuotaRule(
            name="direct",
            scope=QuotaScope.LOGIN,
            hold=QuotaHold.FOR_WINDOW,
            window=DAY,
            limit_setting="direct_daily_limit",
            code="spam_risk_too_many_posts",
        ),
        QuotaRule(
            name="starts",
            scope=QuotaScope.LOGIN,
            hold=QuotaHold.STARTS,
            window=timedelta(minutes=1),
            limit_setting="init_per_minute",
            code="rate_limit_exceeded",
        ),
        QuotaRule(
            # Before an audit: accounts that may post directly in a day; TikTok says users.
            name="users",
            scope=QuotaScope.APPLICATION,
            hold=QuotaHold.DISTINCT_ACCOUNTS,
            window=DAY,
            limit_setting="",
            limit=5,
            off_setting="app_audited",
            code="reached_active_user_cap",
        ),
    )
}

CALL_CLASSES = {
    rule.name: rule
    for rule in (
        CallClass("init", "publish", "init_per_minute"),
        CallClass("upload", "upload"),
        CallClass("status", "read", "status_per_minute"),
        CallClass("creator", "read", "creator_per_minute"),
        CallClass("reads", "read", "reads_per_minute"),
    )
}

STATUS_RANKS = {
    "PROCESSING_UPLOAD": 1,
    "PROCESSING_DOWNLOAD": 1,
    "SEND_TO_USER_INBOX": 2,
    "PUBLISH_COMPLETE": 3,
    "FAILED": 3,
}

ERROR_STATUSES = {
    "privacy_level_option_mismatch": (400, False),
    "app_version_check_failed": (400, False),
    "scope_permission_missed": (403, False),
    "url_ownership_unverified": (403, False),
    "spam_risk_user_banned_from_posting": (403, False),
    "unaudited_client_can_only_post_to_private_accounts": (403, False),
    "invalid_publish_id": (404, False),
    "token_not_authorized_for_specified_publish_id": (404, False),
    "spam_risk_too_many_pending_share": (429, True),
    "spam_risk_too_many_posts": (429, True),
    "reached_active_user_cap": (429, True),
}

EVENT_EFFECTS = {
    "video.publish.complete": Effect.PUBLICATION,
    "video.publish.failed": Effect.PUBLICATION,
    "video.inbox.received": Effect.PUBLICATION,
    "post.publish.publicly_available": Effect.PUBLICATION,
    "post.publish.no_longer_publicaly_available": Effect.PUBLICATION,  # the vendor's spelling
    "authorization.removed": Effect.GRANT_REMOVED,
}

PLATFORM = Platform(
    name="tiktok",
    brand=BRAND,
    settings=TikTokSettings,
    build_adapter=build_adapter,
    build_webhooks=build_webhooks,
    capabilities=frozenset({Capability.DRAFT, Capability.PUBLISH, Capability.INSIGHTS}),
    flows={FLOW_RULES.name: FLOW_RULES},
    kinds=KINDS,
    default_kind="INBOX_VIDEO",
    options=TikTokOptions,
    post_rules=find_post_problems,
    find_refusal=find_refusal,
    build_stored_fields=build_stored_fields,
    list_stored_urls=list_stored_urls,
    starts_inline=True,
    media_rules=MEDIA_RULES,
    quotas=QUOTAS,
    call_classes=CALL_CLASSES,
    status_ranks=STATUS_RANKS,
    failure_reasons=FAILURE_REASONS,
    exchange_fields=EXCHANGE_FIELDS,
    error_statuses=ERROR_STATUSES,
    event_effects=EVENT_EFFECTS,
    removal_causes=(*REMOVAL_REASONS.values(), UNKNOWN_REMOVAL),
    form=FORM,
    posting_choices=PostingChoices("creator", build_creator_info),
    delivered_notification="post_in_inbox",
    seed_paths=SEED_PATHS,
    plain_text_setting="webhook_compat",
    sampling=SAMPLING,
    older_arguments=(
        OlderArgument("mode", kind_pattern="{}_VIDEO"),
        OlderArgument("privacy", option="privacy_level"),
    ),
)
