"""Why TikTok refused or failed a post: sentences for the creator, and who has to act.

The sentences are those of `app/texts/en.toml`; tests/app/test_http_errors.py compares them.
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
        "The video is longer or shorter than TikTok allows for this account. Change its length.",
        Actor.CREATOR,
    ),
    "frame_rate_check_failed": FailureReason(
        "The frame rate is outside TikTok's limits. Use 23 to 60 frames per second.", Actor.CREATOR
    ),
    "picture_size_check_failed": FailureReason(
        "The width or height is outside TikTok's limits. Use 360 to 4096 pixels for each.",
        Actor.CREATOR,
    ),
    "internal": FailureReason("Something went wrong at TikTok. Try again.", Actor.NOBODY),
    "video_pull_failed": FailureReason(
        "TikTok could not download the video within an hour. Check that its address is reachable.",
        Actor.CREATOR,
    ),
    "photo_pull_failed": FailureReason(
        "TikTok could not download the pictures within an hour."
        " Check that their addresses are reachable.",
        Actor.CREATOR,
    ),
    "publish_cancelled": FailureReason("The post was cancelled. Nothing to do.", Actor.NOBODY),
    "auth_removed": FailureReason(
        "Access to the account was withdrawn meanwhile. Connect the account again.", Actor.CREATOR
    ),
    "spam_risk_too_many_posts": FailureReason(
        "TikTok's daily number of posts through apps is used up. Try again in a day, or post in"
        " the app.",
        Actor.NOBODY,
    ),
    "spam_risk_user_banned_from_posting": FailureReason(
        "TikTok has banned this account from posting. Ask TikTok; trying again does not help.",
        Actor.NEVER,
    ),
    "spam_risk_text": FailureReason(
        "TikTok considers the text spam. Change the text; the same text will be refused again.",
        Actor.NEVER,
    ),
    "spam_risk": FailureReason(
        "TikTok considers the post spam. Sending it again will not help.", Actor.NEVER
    ),
}
ERROR_CODE_REASONS: Mapping[str, FailureReason] = {
    "access_token_invalid": FailureReason(
        "The connection to the account no longer works. Connect the account again.", Actor.CREATOR
    ),
    "scope_not_authorized": FailureReason(
        "The account did not grant this permission."
        " Connect it again and leave the permission ticked.",
        Actor.CREATOR,
    ),
    "scope_permission_missed": FailureReason(
        "A permission is missing. Connect the account again and leave it ticked.", Actor.CREATOR
    ),
    "url_ownership_unverified": FailureReason(
        "TikTok only downloads from addresses that this application has verified."
        " Use an address of a verified domain, or upload the file.",
        Actor.OPERATOR,
    ),
    "rate_limit_exceeded": FailureReason(
        "Too many calls to the platform. Try again in a minute; what is queued goes on by itself.",
        Actor.NOBODY,
    ),
    "spam_risk_too_many_pending_share": FailureReason(
        "Five drafts are already waiting in the TikTok inbox."
        " Post or delete one of them in the app.",
        Actor.CREATOR,
    ),
    "reached_active_user_cap": FailureReason(
        "This application has reached TikTok's daily number of creators."
        " The post waits; nothing to do.",
        Actor.NOBODY,
    ),
    "privacy_level_option_mismatch": FailureReason(
        "The account does not offer this audience. Choose another audience.", Actor.CREATOR
    ),
    "unaudited_client_can_only_post_to_private_accounts": FailureReason(
        "Until TikTok has audited this application, it posts to private accounts only."
        " Make the account private and the post visible to you only.",
        Actor.CREATOR,
    ),
    "invalid_param": FailureReason(
        "The platform does not accept one of the settings. Check the settings and try again.",
        Actor.CREATOR,
    ),
    "invalid_file_upload": FailureReason(
        "The platform does not accept this file. Its format, size or length is outside the"
        " platform's limits: change the file.",
        Actor.CREATOR,
    ),
    "app_version_check_failed": FailureReason(
        "The TikTok app on the phone is too old for drafts. Update the app and try again.",
        Actor.CREATOR,
    ),
    "invalid_publish_id": FailureReason(
        "The platform does not know this post. Check the id.", Actor.NEVER
    ),
    "token_not_authorized_for_specified_publish_id": FailureReason(
        "This post belongs to another account. Use the account that sent it.", Actor.NEVER
    ),
    "publish_not_cancellable": FailureReason(
        "It is too late to cancel this post. Delete it in the app once it is published.",
        Actor.NOBODY,
    ),
    "server_error": FailureReason(
        "The platform reported an internal error. Try again in a few minutes.", Actor.NOBODY
    ),
}

OF_VIDEO_LIMITS = FailureReason(
    "TikTok measured the pictures by a limit of videos."
    " Try again; if it happens again, use other pictures.",
    Actor.CREATOR,
)
MEDIA_REASONS: Mapping[str, FailureReason] = {
    "picture_size_check_failed_of_picture": FailureReason(
        "The picture is larger than TikTok allows."
        " Use a picture of at most 1080p: 1080 by 1920 pixels.",
        Actor.CREATOR,
    ),
    "picture_size_check_failed_of_pictures": FailureReason(
        "A picture is larger than TikTok allows; TikTok does not say which."
        " Use pictures of at most 1080p: 1080 by 1920 pixels.",
        Actor.CREATOR,
    ),
    "file_format_check_failed_of_picture": FailureReason(
        "TikTok cannot read the picture. Use JPEG or WebP of at most 20 MB.", Actor.CREATOR
    ),
    "file_format_check_failed_of_pictures": FailureReason(
        "TikTok cannot read one of the pictures, and does not say which."
        " Use JPEG or WebP of at most 20 MB each.",
        Actor.CREATOR,
    ),
    "invalid_file_upload_of_picture": FailureReason(
        "TikTok does not accept the picture."
        " Use JPEG or WebP of at most 20 MB and 1080 by 1920 pixels.",
        Actor.CREATOR,
    ),
    "invalid_file_upload_of_pictures": FailureReason(
        "TikTok does not accept one of the pictures, and does not say which."
        " Use JPEG or WebP of at most 20 MB and 1080 by 1920 pixels each.",
        Actor.CREATOR,
    ),
    "duration_check_failed_of_pictures": OF_VIDEO_LIMITS,
    "frame_rate_check_failed_of_pictures": OF_VIDEO_LIMITS,
    "video_pull_failed_of_pictures": FAIL_REASONS["photo_pull_failed"],
    "photo_pull_failed_of_videos": FAIL_REASONS["video_pull_failed"],
}
"""Reasons in the words of what the post has: code and `_of_pictures`, of one `_of_picture`."""

FAILURE_REASONS = {**FAIL_REASONS, **ERROR_CODE_REASONS, **MEDIA_REASONS}
