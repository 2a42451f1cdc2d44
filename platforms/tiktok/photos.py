"""What TikTok is told of a post of pictures. It fetches them itself: no bytes, no upload address.

Source: TikTok, content-posting-api-reference-photo-post, read 2026-11-22: `is_aigc` stands beside
post_info, and the wire says DIRECT_POST where the page's table prints a space.
"""

from typing import Any

from platforms.base import Order

MODES = {"INBOX_PHOTO": "MEDIA_UPLOAD", "DIRECT_PHOTO": "DIRECT_POST"}
TEXTS = ("title", "description")  # all that a draft takes; the rest is for its creator to choose
FLAGS = ("disable_comment", "auto_add_music", "brand_content_toggle", "brand_organic_toggle")


def content(order: Order) -> dict[str, Any]:
    wished = order.settings
    info = {name: wished[name] for name in TEXTS if wished.get(name) is not None}
    body: dict[str, Any] = {
        "media_type": "PHOTO",
        "post_mode": MODES[order.kind],
        "post_info": info,
        "source_info": {
            "source": order.source,
            "photo_images": list(order.images),
            "photo_cover_index": order.cover,
        },
    }
    if order.kind == "DIRECT_PHOTO":
        info["privacy_level"] = wished.get("privacy_level")
        info.update({flag: bool(wished.get(flag, False)) for flag in FLAGS})
        body["is_aigc"] = bool(wished.get("is_aigc", False))
    return body
