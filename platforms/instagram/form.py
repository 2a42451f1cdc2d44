"""What the publishing page asks for an Instagram post."""

from platforms.instagram.kinds import (
    CAROUSEL,
    CONTAINER_QUOTA,
    COVER_ROLE,
    IMAGE,
    IMAGE_ROLE,
    ITEM_ROLE,
    POST_QUOTA,
    REELS,
    STORIES,
)
from platforms.instagram.options import (
    MAX_ALT_TEXT_LENGTH,
    MAX_AUDIO_NAME_LENGTH,
    MAX_COLLABORATORS,
    MAX_USER_TAGS,
)
from platforms.platform import FieldChoice, FormField, PublishForm
from platforms.publishing import Capability

FIELDS = (
    FormField(
        "alt_text",
        "Description for people who cannot see the image",
        "text",
        kinds=(IMAGE,),
        role=IMAGE_ROLE,
        max_length=MAX_ALT_TEXT_LENGTH,
    ),
    FormField(
        "alt_text",
        "Description for people who cannot see the image",
        "text",
        kinds=(CAROUSEL,),
        role=ITEM_ROLE,
        help="For images only.",
        max_length=MAX_ALT_TEXT_LENGTH,
    ),
    FormField(
        "media_type",
        "What the address leads to",
        "choice",
        kinds=(STORIES, CAROUSEL),
        role=ITEM_ROLE,
        help="Needed for an address that does not end like an image or a video.",
        is_for_urls=True,
        choices=(
            FieldChoice("", "As the address says"),
            FieldChoice("IMAGE", "An image"),
            FieldChoice("VIDEO", "A video"),
        ),
    ),
    FormField(
        "user_tags",
        "Accounts in the picture",
        "people",
        help="Public accounts, one in each line, in images with a position: name 0.5 0.5.",
        max_items=MAX_USER_TAGS,
    ),
    FormField(
        "cover",
        "Cover image",
        "media",
        kinds=(REELS,),
        role=COVER_ROLE,
        help="JPEG, at most 8 MB. It replaces the cover frame.",
    ),
    FormField(
        "thumb_offset",
        "Cover frame",
        "time",
        kinds=(REELS,),
        help="The moment of the video that is shown as its cover.",
    ),
    FormField("share_to_feed", "Also show in the feed", "flag", kinds=(REELS,), default=True),
    FormField(
        "audio_name",
        "Name of the sound",
        "text",
        kinds=(REELS,),
        help="It can be changed once.",
        max_length=MAX_AUDIO_NAME_LENGTH,
    ),
    FormField(
        "graduation_strategy",
        "Trial reel",
        "choice",
        kinds=(REELS,),
        help="A trial reel is first shown to people who do not follow the account.",
        choices=(
            FieldChoice("", "No"),
            FieldChoice("MANUAL", "Yes, shared with followers by hand"),
            FieldChoice("SS_PERFORMANCE", "Yes, shared with followers if it performs well"),
        ),
    ),
    FormField(
        "collaborators",
        "Collaborators",
        "names",
        kinds=(IMAGE, REELS, CAROUSEL),
        help="They are invited and become authors when they accept.",
        max_items=MAX_COLLABORATORS,
    ),
    FormField(
        "location_id",
        "Location",
        "text",
        kinds=(IMAGE, REELS, CAROUSEL),
        help="The id of a Facebook Page with an address.",
    ),
    FormField("is_ai_generated", "Made with artificial intelligence", "flag", default=False),
    FormField(
        "convert_images",
        "Convert images to JPEG",
        "flag",
        kinds=(IMAGE, STORIES, CAROUSEL),
        help="Instagram accepts JPEG images only.",
        default=True,
    ),
)

FORM = PublishForm(
    kind_labels={
        IMAGE: "Image",
        REELS: "Reel",
        STORIES: "Story",
        CAROUSEL: "Carousel",
    },
    fields=FIELDS,
    phase_labels={
        "create": "Preparing",
        "send": "Uploading",
        "check": "Processing at Instagram",
        "create_parent": "Joining the items",
        "publish": "Publishing",
        "details": "Published",
        "find": "Published, its address is being looked for",
        "reconcile": "Finding out whether it was published",
    },
    quota_labels={
        POST_QUOTA: "Posts in 24 hours",
        CONTAINER_QUOTA: "Prepared posts and items in 24 hours",
    },
    capability_labels={
        Capability.PUBLISH: "publish",
        Capability.COMMENTS: "comments",
        Capability.REPLY: "replies",
        Capability.MENTIONS: "mentions",
        Capability.INSIGHTS: "insights",
    },
)
