"""How TikTok is shown: name, colours, permissions in plain words."""

from platforms.platform import Brand, BrandColours

BRAND = Brand(
    "TikTok",
    "tiktok",
    "https://www.tiktok.com",
    symbol="♪",
    colours=BrandColours(logo="#000000", button="#000000", text="#ffffff"),
    dark_colours=BrandColours(logo="#ffffff", button="#ffffff", text="#000000"),
    scope_texts={
        "user.info.basic": "see your name and picture",
        "user.info.profile": "see your profile",
        "user.info.stats": "see how many follow you",
        "video.upload": "put drafts into your TikTok inbox",
        "video.publish": "post for you",
        "video.list": "see your videos and their metrics",
    },
)
