"""The names of platforms that rows may have in their column `provider`."""

PROVIDERS = ("tiktok", "instagram")
"""A new one takes a migration that widens the CHECKs. A test compares it with the registry."""
