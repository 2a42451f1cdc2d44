"""The kinds of posts that Instagram takes, and what each costs.

Source: Meta, ig-user/media and content-publishing, read 2026-09-11: a carousel has 2 to 10 items
and counts as one post, but needs a container for each item and one for the whole.
"""

from collections.abc import Mapping

from platforms.instagram.media_rules import (
    CAROUSEL_VIDEO,
    COVER_IMAGE,
    FEED_IMAGE,
    REEL_VIDEO,
    STORY_IMAGE,
    STORY_VIDEO,
)
from platforms.publishing import Capability, EndsAs, MediaSlot, PostKind, TextRule

IMAGE, REELS, STORIES, CAROUSEL = "IMAGE", "REELS", "STORIES", "CAROUSEL"
IMAGE_ROLE, VIDEO_ROLE, ITEM_ROLE, COVER_ROLE = "image", "video", "item", "cover"
COLLECTION_ROLE = "collection"  # of the container that joins the items of a carousel

MIN_ITEMS, MAX_ITEMS = 2, 10
MAX_CAPTION_LENGTH = 2200  # characters
CAPTION = TextRule(
    max_length=MAX_CAPTION_LENGTH,
    max_hashtags=30,
    max_mentions=20,
    max_hashtags_setting="max_hashtags",
    max_mentions_setting="max_mentions",
)
NO_CAPTION = TextRule(max_length=0, is_allowed=False)
POST_QUOTA, CONTAINER_QUOTA = "posts", "containers"
SINGLE_COST: Mapping[str, int | str] = {POST_QUOTA: 1, CONTAINER_QUOTA: 1}
CAROUSEL_COST: Mapping[str, int | str] = {POST_QUOTA: 1, CONTAINER_QUOTA: "parts+1"}

COVER_SLOT = MediaSlot(COVER_ROLE, 0, 1, (COVER_IMAGE.name,))
ITEM_RULES = (FEED_IMAGE.name, CAROUSEL_VIDEO.name)


def make_kind(name: str, *slots: MediaSlot, text: TextRule = CAPTION) -> PostKind:
    return PostKind(
        name=name,
        slots=slots,
        ends_as=EndsAs.PUBLIC,
        capability=Capability.PUBLISH,
        text=text,
        quotas=CAROUSEL_COST if name == CAROUSEL else SINGLE_COST,
    )


KINDS: Mapping[str, PostKind] = {
    kind.name: kind
    for kind in (
        make_kind(IMAGE, MediaSlot(IMAGE_ROLE, 1, 1, (FEED_IMAGE.name,))),
        make_kind(REELS, MediaSlot(VIDEO_ROLE, 1, 1, (REEL_VIDEO.name,)), COVER_SLOT),
        make_kind(
            STORIES,
            MediaSlot(ITEM_ROLE, 1, 1, (STORY_IMAGE.name, STORY_VIDEO.name)),
            text=NO_CAPTION,
        ),
        make_kind(CAROUSEL, MediaSlot(ITEM_ROLE, MIN_ITEMS, MAX_ITEMS, ITEM_RULES)),
    )
}
