"""How Instagram is shown: name, requirements of accounts, permissions in plain words."""

from platforms.platform import Brand, BrandColours

PROFILE_TEXT = "see your professional accounts and their posts"
PUBLISH_TEXT = "post for you"
COMMENTS_TEXT = "read, answer, hide and delete comments"
METRICS_TEXT = "see the metrics of your posts and accounts"

BRAND = Brand(
    "Instagram",
    "instagram",
    "https://www.instagram.com",
    colours=BrandColours(
        logo="linear-gradient(45deg, #f58529, #dd2a7b 50%, #8134af)",
        button="linear-gradient(45deg, #a5480a, #b31a5c 50%, #6d2a96)",
    ),
    requirements=(
        "a professional Instagram account: business or creator",
        "for the sign-in with Facebook: a Facebook Page that is linked to the account",
        "for the sign-in with Facebook: a role on this Page that may create content",
    ),
    requirements_url="https://help.instagram.com/502981923235522",
    scope_texts={
        "public_profile": "see your name",
        "instagram_basic": PROFILE_TEXT,
        "instagram_content_publish": PUBLISH_TEXT,
        "instagram_manage_comments": COMMENTS_TEXT,
        "instagram_manage_insights": METRICS_TEXT,
        "pages_show_list": "see which Pages you manage",
        "pages_read_engagement": "read what happens on these Pages",
        "pages_manage_metadata": "receive events of these Pages",
        "business_management": "see the Pages of your business portfolios",
        "instagram_business_basic": PROFILE_TEXT,
        "instagram_business_content_publish": PUBLISH_TEXT,
        "instagram_business_manage_comments": COMMENTS_TEXT,
        "instagram_business_manage_insights": METRICS_TEXT,
    },
)
"""The help page tells how an account becomes a professional one.

Source: the page that public applications link as "Set up a business account", seen 2026-11-29.
"""
