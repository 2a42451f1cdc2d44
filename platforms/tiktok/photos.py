"""The request body of a photo post. TikTok fetches the pictures by URL; nothing is uploaded.

Source: TikTok, content-posting-api-reference-photo-post, read 2026-11-22: `is_aigc` is a field
beside post_info, and the value is DIRECT_POST where the page's table prints a space.
"""

from typing import Any

from platforms.base import PublishRequest

POST_MODES = {"INBOX_PHOTO": "MEDIA_UPLOAD", "DIRECT_PHOTO": "DIRECT_POST"}
TEXT_FIELDS = ("title", "description")  # a draft has no others; its creator sets the rest
FLAG_FIELDS = ("disable_comment", "auto_add_music", "brand_content_toggle", "brand_organic_toggle")


def photo_post_body(request: PublishRequest) -> dict[str, Any]:
    settings = request.settings
    info = {name: settings[name] for name in TEXT_FIELDS if settings.get(name) is not None}
    body: dict[str, Any] = {
        "media_type": "PHOTO",
        "post_mode": POST_MODES[request.kind],
        "post_info": info,
        "source_info": {
            "source": request.source,
            "photo_images": list(request.image_urls),
            "photo_cover_index": request.cover_index,
        },
    }
    if request.kind == "DIRECT_PHOTO":
        info["privacy_level"] = settings.get("privacy_level")
        info.update({flag: bool(settings.get(flag, False)) for flag in FLAG_FIELDS})
        body["is_aigc"] = bool(settings.get("is_aigc", False))
    return body
