"""Tables of single platforms. Importing this declares them; what core asks for is found by name in
the other modules.
"""

from db.records.instagram_tables import IgComment, IgMedia, IgMention, InstagramAccount
from db.records.tiktok_posts import TikTokPost
from db.records.tiktok_videos import TikTokVideo

__all__ = ["IgComment", "IgMedia", "IgMention", "InstagramAccount", "TikTokPost", "TikTokVideo"]
