"""Why TikTok refused or failed a post, in a sentence for the creator, and who can do something.

A table and nothing else: what follows for the post is decided elsewhere.
Source: TikTok, get-video-status and the error lists of the Content Posting API, read 2026-11-22.
"""

from collections.abc import Mapping

from platforms.base import Reason, Who

FAILURES: Mapping[str, Reason] = {
    "file_format_check_failed": Reason(
        "TikTok cannot read this file. Use MP4, MOV or WebM with H.264, H.265, VP8 or VP9.",
        Who.CREATOR,
    ),
    "duration_check_failed": Reason(
        "The video is longer or shorter than TikTok allows for this account.", Who.CREATOR
    ),
    "frame_rate_check_failed": Reason(
        "The frame rate must be between 23 and 60 frames per second.", Who.CREATOR
    ),
    "picture_size_check_failed": Reason(
        "Width and height must each be between 360 and 4096 pixels.", Who.CREATOR
    ),
    "internal": Reason("Something went wrong at TikTok. Please try again.", Who.NOBODY),
    "video_pull_failed": Reason(
        "TikTok could not download the video within an hour. Check that its address is reachable.",
        Who.CREATOR,
    ),
    "photo_pull_failed": Reason(
        "TikTok could not download the pictures within an hour. Check their addresses.",
        Who.CREATOR,
    ),
    "publish_cancelled": Reason("The post was cancelled.", Who.NOBODY),
    "auth_removed": Reason(
        "Access to the TikTok account was withdrawn meanwhile. Connect it again.", Who.CREATOR
    ),
    "spam_risk_too_many_posts": Reason(
        "TikTok's daily number of posts through apps is used up. Try tomorrow, or post in the app.",
        Who.NOBODY,
    ),
    "spam_risk_user_banned_from_posting": Reason(
        "TikTok has banned this account from posting.", Who.NEVER
    ),
    "spam_risk_text": Reason(
        "TikTok takes the text for spam. Posting it again will not help.", Who.NEVER
    ),
    "spam_risk": Reason(
        "TikTok takes the post for spam. Sending it again will not help.", Who.NEVER
    ),
}
REFUSALS: Mapping[str, Reason] = {
    "access_token_invalid": Reason(
        "TikTok no longer accepts this connection. Connect the account again.", Who.CREATOR
    ),
    "scope_not_authorized": Reason(
        "The account did not allow this. Connect it again and leave the permission ticked.",
        Who.CREATOR,
    ),
    "scope_permission_missed": Reason(
        "A permission is missing. Connect the account again and leave it ticked.", Who.CREATOR
    ),
    "url_ownership_unverified": Reason(
        "TikTok only downloads from addresses that this application has verified.", Who.OPERATOR
    ),
    "rate_limit_exceeded": Reason(
        "TikTok asks for a pause. It goes on by itself in a minute.", Who.NOBODY
    ),
    "spam_risk_too_many_pending_share": Reason(
        "Five drafts already wait in the TikTok inbox. Post or drop one of them there.",
        Who.CREATOR,
    ),
    "reached_active_user_cap": Reason(
        "This application has reached TikTok's daily number of creators. The post waits.",
        Who.NOBODY,
    ),
    "privacy_level_option_mismatch": Reason(
        "The account does not offer this audience. Choose another one.", Who.CREATOR
    ),
    "unaudited_client_can_only_post_to_private_accounts": Reason(
        "Until TikTok has audited this application, the account itself must be private and the"
        " post visible to its owner only.",
        Who.CREATOR,
    ),
    "invalid_param": Reason("TikTok does not accept one of the settings.", Who.CREATOR),
    "invalid_file_upload": Reason("TikTok does not accept this file.", Who.CREATOR),
    "app_version_check_failed": Reason(
        "The TikTok app on the phone is too old for drafts. Please update it.", Who.CREATOR
    ),
    "invalid_publish_id": Reason("TikTok does not know this post.", Who.NEVER),
    "token_not_authorized_for_specified_publish_id": Reason(
        "This post belongs to another TikTok account.", Who.NEVER
    ),
    "publish_not_cancellable": Reason("It is too late to cancel this post.", Who.NOBODY),
    "server_error": Reason("TikTok has a fault. We try again by ourselves.", Who.NOBODY),
}


REASONS = {**FAILURES, **REFUSALS}
