"""Why TikTok refused or failed a post: a sentence for the creator, and who has to act.

Source: TikTok, get-video-status and the error lists of the Content Posting API, read 2026-11-22.
"""

from collections.abc import Mapping

from platforms.base import Actor, FailureReason

FAIL_REASONS: Mapping[str, FailureReason] = {
    "file_format_check_failed": FailureReason(
        "TikTok cannot read this file. Use MP4, MOV or WebM with H.264, H.265, VP8 or VP9.",
        Actor.CREATOR,
    ),
    "duration_check_failed": FailureReason(
        "The video is longer or shorter than TikTok allows for this account.", Actor.CREATOR
    ),
    "frame_rate_check_failed": FailureReason(
        "The frame rate must be between 23 and 60 frames per second.", Actor.CREATOR
    ),
    "picture_size_check_failed": FailureReason(
        "Width and height must each be between 360 and 4096 pixels.", Actor.CREATOR
    ),
    "internal": FailureReason("Something went wrong at TikTok. Please try again.", Actor.NOBODY),
    "video_pull_failed": FailureReason(
        "TikTok could not download the video within an hour. Check that its URL is reachable.",
        Actor.CREATOR,
    ),
    "photo_pull_failed": FailureReason(
        "TikTok could not download the pictures within an hour. Check that their URLs are"
        " reachable.",
        Actor.CREATOR,
    ),
    "publish_cancelled": FailureReason("The post was cancelled.", Actor.NOBODY),
    "auth_removed": FailureReason(
        "Access to the TikTok account was withdrawn meanwhile. Connect it again.", Actor.CREATOR
    ),
    "spam_risk_too_many_posts": FailureReason(
        "TikTok's daily number of posts through apps is used up. Try tomorrow, or post in the app.",
        Actor.NOBODY,
    ),
    "spam_risk_user_banned_from_posting": FailureReason(
        "TikTok has banned this account from posting.", Actor.NEVER
    ),
    "spam_risk_text": FailureReason(
        "TikTok considers the text spam. Posting it again will not help.", Actor.NEVER
    ),
    "spam_risk": FailureReason(
        "TikTok considers the post spam. Sending it again will not help.", Actor.NEVER
    ),
}
ERROR_CODE_REASONS: Mapping[str, FailureReason] = {
    "access_token_invalid": FailureReason(
        "TikTok no longer accepts this connection. Connect the account again.", Actor.CREATOR
    ),
    "scope_not_authorized": FailureReason(
        "The account did not grant this permission. Connect it again and leave it ticked.",
        Actor.CREATOR,
    ),
    "scope_permission_missed": FailureReason(
        "A permission is missing. Connect the account again and leave it ticked.", Actor.CREATOR
    ),
    "url_ownership_unverified": FailureReason(
        "TikTok only downloads from URLs that this application has verified.", Actor.OPERATOR
    ),
    "rate_limit_exceeded": FailureReason(
        "TikTok's rate limit is reached. The post continues by itself in a minute.", Actor.NOBODY
    ),
    "spam_risk_too_many_pending_share": FailureReason(
        "Five drafts are already in the TikTok inbox. Post or delete one of them there.",
        Actor.CREATOR,
    ),
    "reached_active_user_cap": FailureReason(
        "This application has reached TikTok's daily number of creators. The post waits.",
        Actor.NOBODY,
    ),
    "privacy_level_option_mismatch": FailureReason(
        "The account does not offer this audience. Choose another one.", Actor.CREATOR
    ),
    "unaudited_client_can_only_post_to_private_accounts": FailureReason(
        "Until TikTok has audited this application, the account itself must be private and the"
        " post visible to its owner only.",
        Actor.CREATOR,
    ),
    "invalid_param": FailureReason("TikTok does not accept one of the settings.", Actor.CREATOR),
    "invalid_file_upload": FailureReason("TikTok does not accept this file.", Actor.CREATOR),
    "app_version_check_failed": FailureReason(
        "The TikTok app on the phone is too old for drafts. Please update it.", Actor.CREATOR
    ),
    "invalid_publish_id": FailureReason("TikTok does not know this post.", Actor.NEVER),
    "token_not_authorized_for_specified_publish_id": FailureReason(
        "This post belongs to another TikTok account.", Actor.NEVER
    ),
    "publish_not_cancellable": FailureReason("It is too late to cancel this post.", Actor.NOBODY),
    "server_error": FailureReason(
        "TikTok reported an internal error. The post is retried automatically.", Actor.NOBODY
    ),
}


FAILURE_REASONS = {**FAIL_REASONS, **ERROR_CODE_REASONS}
