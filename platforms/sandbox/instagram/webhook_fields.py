"""Which webhook fields need Facebook Login, and which need Advanced Access.

Source: Meta, Instagram webhooks and access levels, read 2026-11-22.
"""

FACEBOOK_FIELDS = frozenset({"mentions", "story_insights"})
"""Fields that an Instagram Login does not have."""

FIELDS_WITH_ADVANCED_ACCESS = frozenset({"comments", "live_comments"})
