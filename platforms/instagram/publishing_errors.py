"""What the error codes of Instagram's content publishing mean.

A container that failed names only the subcode, inside a sentence: see `find_status_meaning`.
Source: Meta, Instagram Platform "Error codes", read 2026-06-02; codes -1 and -2 with subcodes from
2207076 up were observed by public clients and are not documented.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from platforms.base import Actor, FailureReason
from platforms.errors import OutcomeUnknown, RateLimited, Rejected, ServerBusy, Unavailable
from platforms.instagram.error_meaning import FollowUp, Meaning, MeaningTable

BLOCKED_ACCOUNT_WAIT = timedelta(hours=3)  # "hours or days"; each call in a block prolongs it
LIMIT_WAIT = timedelta(hours=1)  # the window of a day slides: a place may become free within it
NOT_READY_WAIT = timedelta(seconds=20)
SUBCODE_PATTERN = re.compile(r"\b2207\d{3}\b", re.ASCII)

NOT_READY_CODE = "container_not_ready"
LIMIT_CODE = "publishing_limit_reached"
EXPIRED_CODE = "container_expired"
UNKNOWN_CONTAINER_CODE = "container_unknown"
MEDIA_NOT_FOUND_CODE = "media_not_found"
CONTAINER_FAILED_CODE = "container_failed"
UPLOAD_FAILED_CODE = "upload_failed"
UPLOAD_REFUSED_CODE = "upload_not_authorized"


def refused_for_good(code: str, sentence: str, who: Actor = Actor.CREATOR) -> Meaning:
    """A refusal that stays until somebody changes the file, the text or a setting."""
    return Meaning(code, Rejected, FollowUp.PERSON, who, sentence)


def refused_part(code: str, sentence: str, who: Actor = Actor.NOBODY) -> Meaning:
    """A refusal without an effect, after which a new container may succeed."""
    return Meaning(code, Rejected, FollowUp.NEW_PART, who, sentence)


def failed_part(code: str, sentence: str, who: Actor = Actor.NOBODY) -> Meaning:
    """A failure at Instagram, after which a new container may succeed."""
    return Meaning(code, Unavailable, FollowUp.NEW_PART, who, sentence)


DOWNLOAD_TIMED_OUT = failed_part(
    "media_download_timeout",
    "Instagram could not download the file in time. Check that its address answers quickly.",
    Actor.CREATOR,
)
SERVER_FAILURE = failed_part(
    "media_server_error", "Something went wrong at Instagram. Try again later."
)
PROCESSING_FAILURE = failed_part(
    "media_processing_failed",
    "Instagram could not process the file. Try again; if it fails again, use MP4 with H.264 and AAC"
    " or a JPEG image.",
    Actor.CREATOR,
)
NOT_FETCHABLE = refused_part(
    "media_not_fetchable",
    "Instagram could not download the file. Its address must be public, without redirects and"
    " sign-in, and its server has to answer requests for parts of it.",
    Actor.CREATOR,
)
EXPIRED = refused_part(
    EXPIRED_CODE, "Instagram kept the prepared post for a day only. It has to be prepared again."
)
MEDIA_NOT_FOUND = refused_part(
    MEDIA_NOT_FOUND_CODE, "Instagram no longer finds a file of the post. Try again."
)
UNKNOWN_CONTAINER = refused_part(
    UNKNOWN_CONTAINER_CODE, "Instagram no longer has the prepared post. Try again."
)
CONTAINER_FAILURE = failed_part(
    CONTAINER_FAILED_CODE,
    "Instagram could not process the post and did not say why. Check the file, then try again.",
    Actor.CREATOR,
)
LIMIT_REACHED = Meaning(
    LIMIT_CODE,
    RateLimited,
    FollowUp.WAIT,
    Actor.NOBODY,
    "Instagram's number of posts per day through apps is used up."
    " The post waits until one becomes free.",
    LIMIT_WAIT,
)
ACCOUNT_RESTRICTED = refused_for_good(
    "account_restricted",
    "Instagram has restricted the account, or wants it to be confirmed."
    " Open the Instagram app and follow what it says.",
)
ACTION_BLOCKED = Meaning(
    "action_blocked",
    OutcomeUnknown,
    FollowUp.STOP_ACCOUNT,
    Actor.CREATOR,
    "Instagram has blocked posting for a while, because it looked like spam. The post may be"
    " public nevertheless: look at the profile before you try again.",
    BLOCKED_ACCOUNT_WAIT,
)
NOT_READY = Meaning(
    NOT_READY_CODE,
    ServerBusy,  # nothing was published
    FollowUp.WAIT,
    Actor.NOBODY,
    "Instagram is still preparing the post. It is published as soon as that is done.",
    NOT_READY_WAIT,
)
VIDEO_FORMAT = refused_for_good(
    "video_format_unsupported",
    "Instagram does not accept this video. Use MP4 or MOV with H.264 or HEVC and AAC, 23 to 60"
    " frames per second and at most 1920 pixels wide.",
)
IMAGE_TOO_LARGE = refused_for_good(
    "image_too_large", "The image is larger than 8 MB. Make it smaller."
)
IMAGE_FORMAT = refused_for_good(
    "image_format_unsupported", "Instagram accepts JPEG images only. Convert the image."
)
IMAGE_RATIO = refused_for_good(
    "image_ratio_unsupported",
    "The image is too narrow or too wide. Use a ratio between 4:5 and 1.91:1.",
)
CAPTION_TOO_LONG = refused_for_good(
    "caption_too_long", "The text is too long. Use at most 2200 characters."
)
PRODUCT_TAGS = refused_for_good(
    "product_tags_invalid", "Instagram does not accept the product tags. Remove them."
)
TRIAL_UNAVAILABLE = refused_for_good(
    "trial_reels_unavailable",
    "Instagram does not offer trial reels to this account. Post it as a normal reel.",
)

PUBLISHING_MEANINGS: MeaningTable = {
    (-2, None): DOWNLOAD_TIMED_OUT,
    (-2, 2207003): DOWNLOAD_TIMED_OUT,
    (-2, 2207020): EXPIRED,
    (-1, None): SERVER_FAILURE,
    (-1, 2207001): SERVER_FAILURE,
    (-1, 2207032): SERVER_FAILURE,
    (-1, 2207053): failed_part(
        "video_upload_failed", "The upload of the video failed at Instagram. Try again."
    ),
    (-1, 2207073): refused_for_good(
        "media_not_deletable",
        "Instagram does not delete posts of this type for apps. Delete it in the Instagram app.",
    ),
    (-1, 2207076): PROCESSING_FAILURE,
    (-1, 2207077): NOT_FETCHABLE,
    (-1, 2207081): TRIAL_UNAVAILABLE,
    (-1, 2207082): PROCESSING_FAILURE,  # e.g. a sound for a silent video
    (-1, 2207085): failed_part(
        "platform_fault", "Something went wrong at Instagram. Try again, or use the Instagram app."
    ),
    (1, 2207057): refused_for_good(
        "thumb_offset_invalid", "The cover frame lies after the end of the video. Choose another."
    ),
    (4, 2207051): ACTION_BLOCKED,
    (9, None): LIMIT_REACHED,
    (9, 2207042): LIMIT_REACHED,
    (24, None): UNKNOWN_CONTAINER,
    (24, 2207006): MEDIA_NOT_FOUND,
    (24, 2207008): UNKNOWN_CONTAINER,
    (25, None): ACCOUNT_RESTRICTED,
    (25, 2207050): ACCOUNT_RESTRICTED,
    (100, 2207023): refused_for_good(
        "media_type_unknown", "Instagram does not know this type of post.", Actor.OPERATOR
    ),
    (100, 2207028): refused_for_good(
        "carousel_size_invalid", "A carousel needs 2 to 10 images or videos."
    ),
    (100, 2207035): PRODUCT_TAGS,
    (100, 2207036): PRODUCT_TAGS,
    (100, 2207037): PRODUCT_TAGS,
    (100, 2207040): refused_for_good(
        "too_many_tags", "Too many accounts or hashtags are named. Use at most 20 tags."
    ),
    (100, 2207081): TRIAL_UNAVAILABLE,
    (352, None): VIDEO_FORMAT,
    (352, 2207026): VIDEO_FORMAT,
    (9004, None): NOT_FETCHABLE,
    (9004, 2207052): NOT_FETCHABLE,
    (9007, None): NOT_READY,
    (9007, 2207027): NOT_READY,
    (36000, None): IMAGE_TOO_LARGE,
    (36000, 2207004): IMAGE_TOO_LARGE,
    (36001, None): IMAGE_FORMAT,
    (36001, 2207005): IMAGE_FORMAT,
    (36003, None): IMAGE_RATIO,
    (36003, 2207009): IMAGE_RATIO,
    (36004, None): CAPTION_TOO_LONG,
    (36004, 2207010): CAPTION_TOO_LONG,
}

SUBCODE_MEANINGS: Mapping[int, Meaning] = {
    subcode: meaning for (_, subcode), meaning in PUBLISHING_MEANINGS.items() if subcode is not None
}
"""The sentence about a failed container has no code."""

NEW_PART_CODES = frozenset(
    meaning.code
    for meaning in (*PUBLISHING_MEANINGS.values(), CONTAINER_FAILURE)
    if meaning.then is FollowUp.NEW_PART
) | {UPLOAD_FAILED_CODE, UPLOAD_REFUSED_CODE}
"""Our codes after which the container is made again."""

OWN_REASONS: Mapping[str, FailureReason] = {
    CONTAINER_FAILED_CODE: FailureReason(CONTAINER_FAILURE.sentence, CONTAINER_FAILURE.who),
    UPLOAD_FAILED_CODE: FailureReason(
        "Instagram did not accept the bytes of the video. Try again.", Actor.NOBODY
    ),
    UPLOAD_REFUSED_CODE: FailureReason(
        "Instagram refused the upload of the video. Connect the account again.", Actor.CREATOR
    ),
    "media_missing": FailureReason(
        "A media file of the post is missing. Choose the file again.", Actor.CREATOR
    ),
    "video_too_large": FailureReason(
        "The video is larger than Instagram allows: 300 MB, for stories 100 MB.", Actor.CREATOR
    ),
    "video_duration_unsupported": FailureReason(
        "The video is too short or too long: 3 seconds to 15 minutes, for stories to 60 seconds.",
        Actor.CREATOR,
    ),
    "media_processing_failed_of_pictures": FailureReason(
        "Instagram could not process the image. Try again; if it fails again, use a JPEG image of"
        " at most 8 MB.",
        Actor.CREATOR,
    ),
    "media_processing_failed_of_videos": FailureReason(
        "Instagram could not process the video. Try again; if it fails again, use MP4 with H.264"
        " and AAC.",
        Actor.CREATOR,
    ),
    "video_format_unsupported_of_pictures": FailureReason(
        "Instagram does not accept this image. Use a JPEG image of at most 8 MB.", Actor.CREATOR
    ),
    "image_format_unsupported_of_videos": FailureReason(
        "Instagram does not accept the cover image of the video. Use a JPEG image of at most 8 MB.",
        Actor.CREATOR,
    ),
    "container_limit_reached": FailureReason(
        "This account has prepared as many posts today as Instagram allows. The post waits.",
        Actor.NOBODY,
    ),
}
"""Reasons that are ours and not codes of Meta."""


def find_status_meaning(status_text: str | None) -> Meaning:
    """Return why a container failed, by the subcode in the sentence about it."""
    found = SUBCODE_PATTERN.search(status_text or "")
    return SUBCODE_MEANINGS.get(int(found[0]), CONTAINER_FAILURE) if found else CONTAINER_FAILURE
