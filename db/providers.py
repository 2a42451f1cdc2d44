"""The names of platforms in rows: values of `provider`, and columns of single platforms."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

PROVIDERS = ("tiktok", "instagram")
"""A new one takes a migration that widens the CHECKs. A test compares it with the registry."""

PlatformKey = tuple[str, str]  # provider, and the platform's id of a publication or of its user


class DestinationColumns:
    """Columns of `posts` that refer to tables of destinations, from before `destination_id`."""

    instagram_account_id: Mapped[int | None] = mapped_column(
        ForeignKey("instagram_accounts.id", ondelete="SET NULL")
    )


def build_destination_indexes() -> tuple[Index, ...]:
    """The indexes of `posts` on these columns."""
    return (
        Index(
            "idx_posts_instagram",
            "instagram_account_id",
            text("created_at DESC"),
            postgresql_where=text("instagram_account_id IS NOT NULL"),
        ),
    )
