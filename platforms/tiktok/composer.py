"""TikTok's block of the composer: its fields, and what they mean in the request for a post.

Nothing is preset: a box that is not ticked switches the feature off, and without a choice of who
may see the post there is no request. Source: TikTok, content-sharing-guidelines, read 2026-11-22.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from platforms.platform import BlockRequest, ComposerBlock
from platforms.tiktok.post_rules import is_direct, is_photo

MAX_DRAFT_TITLE_UNITS = 150  # UTF-16 units, as in TikTok's own editor
MILLISECONDS_PER_SECOND = 1000
COVER_FAULT = "Please give the cover as seconds from the start, such as 1.5."
COVER_NUMBER_FAULT = "Please give the number of the photo for the cover."
DISCLOSURE_FAULT = "You need to indicate if your content promotes yourself, a third party, or both."
COVER_INDEX_FAULT = "There is no photo with this number for the cover."
PRIVACY_FAULT = "Choose who can see it on TikTok."
FAULT_TEXTS = {
    "options.privacy_level": PRIVACY_FAULT,
    "privacy_level": PRIVACY_FAULT,
    "disclose": DISCLOSURE_FAULT,
    "cover": COVER_FAULT,
    "photo_cover": COVER_NUMBER_FAULT,
    "options.photo_cover_index": COVER_INDEX_FAULT,
}
ALLOWED_BY_BOX = {
    "allow_comment": "disable_comment",
    "allow_duet": "disable_duet",
    "allow_stitch": "disable_stitch",
}
VIDEO_BOXES = ("allow_duet", "allow_stitch")


def read_block_values(
    values: Mapping[str, str],
    is_picture: bool,  # noqa: FBT001 - called through ComposerBlock
) -> BlockRequest:
    """Return kind and options that the fields of the block ask for."""
    mode = "DIRECT" if asks_direct_choices(values) else "INBOX"
    kind = f"{mode}_{'PHOTO' if is_picture else 'VIDEO'}"
    found = find_block_problems(values, is_picture=is_picture)
    problems = {name: FAULT_TEXTS[name] for name in found}
    options = dict(read_options(values, kind)) if not problems else {}
    return BlockRequest(kind, options, problems)


def asks_direct_choices(values: Mapping[str, str]) -> bool:
    return values.get("mode") == "DIRECT"


def find_block_problems(values: Mapping[str, str], *, is_picture: bool) -> Iterator[str]:
    """Fields that are missing or hold what they do not take."""
    if is_picture and not values.get("photo_cover", "1").strip().isdecimal():
        yield "photo_cover"
    if not asks_direct_choices(values):
        return
    if not is_picture and parse_seconds(values.get("cover", "")) is False:
        yield "cover"
    brands = ("brand_organic_toggle", "brand_content_toggle")
    if "disclose" in values and not any(name in values for name in brands):
        yield "disclose"
    if not values.get("privacy_level"):
        yield "privacy_level"


def parse_seconds(text: str) -> float | bool | None:
    """Return the seconds, None for an empty field and False for what is no such number."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        return False
    return seconds if 0 <= seconds < 2**31 / MILLISECONDS_PER_SECOND else False


def read_options(values: Mapping[str, str], kind: str) -> Iterator[tuple[str, Any]]:
    if is_photo(kind):
        yield "photo_cover_index", max(0, int(values.get("photo_cover") or 1) - 1)
        if values.get("description", "").strip():
            yield "description", values["description"].strip()
    if not is_direct(kind):
        return
    yield "privacy_level", values.get("privacy_level")
    for box, option in ALLOWED_BY_BOX.items():
        if not (is_photo(kind) and box in VIDEO_BOXES):
            yield option, box not in values
    if "disclose" in values:
        yield "brand_organic_toggle", "brand_organic_toggle" in values
        yield "brand_content_toggle", "brand_content_toggle" in values
    if is_photo(kind):
        yield "auto_add_music", "auto_add_music" in values
        return
    yield "is_aigc", "is_aigc" in values
    seconds = parse_seconds(values.get("cover", ""))
    if seconds is not None:
        yield "video_cover_timestamp_ms", round(MILLISECONDS_PER_SECOND * seconds)


def fill_block_values(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that ask for this kind and these options again, without the choice of who
    may see the post: it is made anew for each.
    """
    values = {"mode": "DIRECT" if is_direct(kind) else "INBOX"}
    for box, option in ALLOWED_BY_BOX.items():
        if is_direct(kind) and options.get(option) is False:
            values[box] = "on"
    for name in ("is_aigc", "auto_add_music"):
        if options.get(name):
            values[name] = "on"
    cover = options.get("video_cover_timestamp_ms")
    if cover is not None:
        values["cover"] = f"{cover / MILLISECONDS_PER_SECOND:g}"
    if options.get("description"):
        values["description"] = str(options["description"])
    return values


BLOCK = ComposerBlock(
    template="_composer_block.html",
    consent_template="_composer_consent.html",
    script="composer_block.js",
    read_values=read_block_values,
    fill_values=fill_block_values,
    asks_choices=asks_direct_choices,
    fault_texts=FAULT_TEXTS,
    text_limits={"INBOX_VIDEO": MAX_DRAFT_TITLE_UNITS},
)
