"""The errors of publishing, by subcode, as Meta words them.

Source: Meta, Instagram platform error codes, read 2026-06-02; texts as observed on the wire.
"""

from dataclasses import dataclass

from platforms.sandbox.instagram.graph_errors import GraphError

DOWNLOAD_TIMED_OUT = 2207003
IMAGE_TOO_LARGE = 2207004
IMAGE_FORMAT = 2207005
MEDIA_NOT_FOUND = 2207006
CREATION_ID_UNKNOWN = 2207008
ASPECT_RATIO = 2207009
CAPTION_TOO_LONG = 2207010
MEDIA_EXPIRED = 2207020
UNKNOWN_MEDIA_TYPE = 2207023
VIDEO_FORMAT = 2207026
NOT_READY = 2207027
CAROUSEL_COUNT = 2207028
TOO_MANY_TAGS = 2207040
QUOTA_REACHED = 2207042
ACCOUNT_RESTRICTED = 2207050
SPAM_BLOCK = 2207051
DOWNLOAD_FAILED = 2207052
THUMB_OFFSET = 2207057
CANNOT_DELETE = 2207073
PROCESSING_FAILED = 2207076  # not documented; seen in the status of containers
HOST_UNSUITABLE = 2207077  # not documented; the host lacks HEAD or Range, or is gone
TRIAL_NOT_AVAILABLE = 2207081  # not documented


@dataclass(frozen=True)
class PublishingErrorText:
    """Code and texts of one subcode; the user's texts are localised by Meta."""

    code: int
    message: str
    title: str = ""
    user_message: str = ""
    status: int = 400
    is_transient: bool = False


PUBLISHING_ERRORS = {
    DOWNLOAD_TIMED_OUT: PublishingErrorText(
        -2,
        "Timeout",
        "Timeout while downloading media",
        "It takes too long to download the media.",
    ),
    MEDIA_EXPIRED: PublishingErrorText(
        -2, "Media expired", "Media expired", "The media you are trying to access has expired."
    ),
    CANNOT_DELETE: PublishingErrorText(
        -1, "Fatal", "Cannot delete", "Media of this type cannot be deleted through the API."
    ),
    THUMB_OFFSET: PublishingErrorText(
        1,
        "An unknown error occurred",
        "Thumbnail offset is out of range",
        "The thumbnail offset must be at least 0 and less than the duration of the video.",
    ),
    SPAM_BLOCK: PublishingErrorText(
        4,
        "Application request limit reached",
        "Action is blocked",
        "We restrict certain activity to protect our community.",
        status=403,
    ),
    QUOTA_REACHED: PublishingErrorText(
        9,
        "Application request limit reached",
        "Content publishing limit reached",
        "You reached the maximum number of posts that may be published by the API.",
    ),
    MEDIA_NOT_FOUND: PublishingErrorText(
        24, "Media not found", "Media not found", "The media with the given id cannot be found."
    ),
    CREATION_ID_UNKNOWN: PublishingErrorText(
        24,
        "The requested resource does not exist",
        "Media builder not found",
        "The media builder with creation id does not exist or has expired.",
    ),
    ACCOUNT_RESTRICTED: PublishingErrorText(
        25,
        "The user is restricted",
        "User is not active",
        "The account is inactive, checkpointed or restricted. Sign in to the Instagram app.",
    ),
    UNKNOWN_MEDIA_TYPE: PublishingErrorText(
        100, "Invalid parameter", "Unknown media type", "The media_type is not known."
    ),
    CAROUSEL_COUNT: PublishingErrorText(
        100, "Invalid parameter", "Carousel invalid", "A carousel needs 2 to 10 photos or videos."
    ),
    TOO_MANY_TAGS: PublishingErrorText(
        100, "Invalid parameter", "Too many tags", "You cannot use more than 20 tags."
    ),
    VIDEO_FORMAT: PublishingErrorText(
        352, "The video format is not supported", "Unsupported video", "The video is unsupported."
    ),
    DOWNLOAD_FAILED: PublishingErrorText(
        9004,
        "Only photo or video can be accepted as media type.",
        "Media download has failed. The media URI doesn't meet our requirements.",
        "The media could not be fetched from this URI.",
    ),
    NOT_READY: PublishingErrorText(
        9007,
        "Media ID is not available",
        "Cannot Publish",
        "The media is not ready for publishing, please wait for a moment",
    ),
    IMAGE_TOO_LARGE: PublishingErrorText(
        36000,
        "The image size is too large.",
        "Image size is too large",
        "The image exceeds 8 MiB.",
    ),
    IMAGE_FORMAT: PublishingErrorText(
        36001,
        "The image format is not supported",
        "Unsupported image format",
        "The image is not a JPEG.",
    ),
    ASPECT_RATIO: PublishingErrorText(
        36003,
        "The aspect ratio is not supported",
        "Unsupported aspect ratio",
        "The submitted image cannot be published with this aspect ratio.",
    ),
    CAPTION_TOO_LONG: PublishingErrorText(
        36004, "The caption is too long", "Caption too long", "The caption was too long."
    ),
}


def publishing_error(subcode: int, message: str = "", *, user_message: str = "") -> GraphError:
    """Return the documented error of a subcode, with another message if one is given."""
    text = PUBLISHING_ERRORS[subcode]
    return GraphError(
        message or text.message,
        text.code,
        subcode,
        status=text.status,
        is_transient=text.is_transient,
        user_title=text.title,
        user_message=user_message or text.user_message,
    )
