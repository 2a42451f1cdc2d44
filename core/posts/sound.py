"""What one field of a wish says about another, and the clock about both. Pure; asks nobody."""

from collections.abc import Callable
from datetime import datetime, timedelta

from core.errors import Invalid
from core.posts.wish import PHOTO_ONLY, VIDEO_ONLY, Wish, units
from db.posts import SentBy

FARTHEST = timedelta(days=90)
LONGEST_PHOTO_TITLE = 90  # UTF-16 units

Test = Callable[[Wish], bool]


def is_pull(wish: Wish) -> bool:
    return wish.source == "PULL_FROM_URL"


def is_photo(wish: Wish) -> bool:
    return wish.media_type == "PHOTO"


def sized_twice_or_never(wish: Wish) -> bool:
    return not is_pull(wish) and (wish.media_id is None) == (wish.video_size is None)


def without_address(wish: Wish) -> bool:
    return is_pull(wish) and not is_photo(wish) and wish.video_url is None


def misses_its_cover(wish: Wish) -> bool:
    return wish.photo_images is not None and wish.photo_cover_index >= len(wish.photo_images)


def hides_an_advertisement(wish: Wish) -> bool:
    """What somebody pays for has to be seen. Source: content-sharing-guidelines, 2026-11-22."""
    return wish.mode == "DIRECT" and wish.brand_content_toggle and wish.privacy_level == "SELF_ONLY"


FAULTS: tuple[tuple[str, Test, str], ...] = (
    ("videoUrl", without_address, "is required for PULL_FROM_URL"),
    (
        "videoUrl",
        lambda wish: not is_pull(wish) and wish.video_url is not None,
        "does not go with FILE_UPLOAD",
    ),
    (
        "media_id",
        lambda wish: is_pull(wish) and wish.media_id is not None,
        "does not go with PULL_FROM_URL",
    ),
    (
        "video_size",
        lambda wish: is_pull(wish) and wish.video_size is not None,
        "does not go with PULL_FROM_URL",
    ),
    (
        "video_size",
        sized_twice_or_never,
        "either media_id or video_size is required for FILE_UPLOAD",
    ),
    (
        "privacy_level",
        lambda wish: wish.mode == "DIRECT" and wish.privacy_level is None,
        "is required in DIRECT mode",
    ),
    (
        "privacy_level",
        hides_an_advertisement,
        "Branded content visibility cannot be set to private.",
    ),
    (
        "source",
        lambda wish: is_photo(wish) and not is_pull(wish),
        "must be PULL_FROM_URL for photos",
    ),
    (
        "photo_images",
        lambda wish: is_photo(wish) and not wish.photo_images,
        "is required for photos",
    ),
    ("photo_cover_index", misses_its_cover, "names none of the photos"),
    (
        "title",
        lambda wish: is_photo(wish) and units(wish.title) > LONGEST_PHOTO_TITLE,
        f"must not be longer than {LONGEST_PHOTO_TITLE} UTF-16 units for photos",
    ),
)


def sound(wish: Wish, *, now: datetime, can_wait: bool) -> None:
    """Shapes: `can_wait` is the requester's wish not to stay for the first step.

    Errors: Invalid with `details.fields`.
    """
    faults = {name: says for name, is_fault, says in FAULTS if is_fault(wish)}
    faults |= dict.fromkeys(strangers(wish), f"does not go with {wish.media_type}")
    at, by_caller = wish.publish_at, wish.sent_by == SentBy.CALLER
    if at is not None and not now < at <= now + FARTHEST:
        faults["publish_at"] = f"must be in the future and within {FARTHEST.days} days"
    if at is not None and by_caller:
        faults["publish_at"] = "needs media_id or PULL_FROM_URL: we must be able to send it"
    if can_wait and by_caller:
        faults.setdefault("video_size", "cannot be queued: nobody would send the bytes")
    if faults:
        raise Invalid("fields do not fit together", details={"fields": faults})


def strangers(wish: Wish) -> list[str]:
    """Fields that were said and belong to the other kind of media."""
    others = VIDEO_ONLY if is_photo(wish) else PHOTO_ONLY
    said = {name for name in wish.model_fields_set if getattr(wish, name) is not None}
    return [others[name] for name in others if name in said]
