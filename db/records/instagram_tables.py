"""Tables of Instagram accounts, media, comments and mentions."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.accounts.destinations import DestinationStatus
from db.base import Base, IdColumn, Json, TimestampColumns, one_of


class InstagramAccount(IdColumn, TimestampColumns, Base):
    __tablename__ = "instagram_accounts"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    oauth_account_id: Mapped[int | None] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="SET NULL")
    )
    ig_business_id: Mapped[str] = mapped_column(String(255), unique=True)
    page_id: Mapped[str | None] = mapped_column(
        String(255), comment="NULL: no Facebook Page, or none that we can see"
    )
    username: Mapped[str] = mapped_column(String(255))
    access_level: Mapped[str] = mapped_column(String(50))
    details: Mapped[Json] = mapped_column("metadata", JSONB, server_default="{}")
    page_access_token_encrypted: Mapped[str | None] = mapped_column(comment="AES-256-GCM")
    login_flavour: Mapped[str] = mapped_column(server_default="facebook")
    selected: Mapped[bool] = mapped_column(server_default="false")
    followers_count: Mapped[int | None]
    account_insights: Mapped[Json | None]
    last_synced_at: Mapped[datetime | None]
    insights_due_at: Mapped[datetime | None]
    subscribed_at: Mapped[datetime | None]
    subscription_checked_at: Mapped[datetime | None]
    subscription_error: Mapped[str | None] = mapped_column(
        comment="code and sentence of the refused subscription; NULL: not refused"
    )
    status: Mapped[str] = mapped_column(server_default="ACTIVE")
    status_cause: Mapped[str | None] = mapped_column(comment="why the account cannot be used")
    token_version: Mapped[int] = mapped_column(server_default="0")
    token_refused_at: Mapped[datetime | None] = mapped_column(
        comment="when the platform refused the token; NULL: it is accepted"
    )
    token_fetched_at: Mapped[datetime | None] = mapped_column(
        comment="when a refused token was last replaced"
    )
    disconnected_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_instagram_accounts_user", "user_id"),
        Index("idx_instagram_accounts_oauth", "oauth_account_id"),
        Index("idx_instagram_accounts_page", "page_id"),
        Index(
            "idx_instagram_accounts_sync",
            sql("last_synced_at NULLS FIRST"),
            postgresql_where=sql("disconnected_at IS NULL"),
        ),
        one_of("access_level", ("FULL", "LIMITED", "READ_ONLY")),
        one_of("status", DestinationStatus),
        one_of("login_flavour", ("facebook", "instagram")),
        {"comment": "Professional Instagram accounts, reached through a connected account"},
    )


class IgMedia(IdColumn, TimestampColumns, Base):
    __tablename__ = "ig_media"

    instagram_account_id: Mapped[int] = mapped_column(
        ForeignKey("instagram_accounts.id", ondelete="CASCADE")
    )
    post_id: Mapped[int | None] = mapped_column(
        "ledger_id", ForeignKey("posts.id", ondelete="SET NULL"), unique=True
    )
    ig_id: Mapped[str] = mapped_column(String(255), unique=True)
    media_type: Mapped[str] = mapped_column(String(50))
    media_product_type: Mapped[str | None] = mapped_column(String(50))
    caption: Mapped[str | None]
    permalink: Mapped[str | None] = mapped_column(String(500))
    timestamp: Mapped[datetime | None]
    metrics_json: Mapped[Json | None]
    shortcode: Mapped[str | None]
    thumbnail_url: Mapped[str | None]
    like_count: Mapped[int | None]
    comments_count: Mapped[int | None]
    insights_updated_at: Mapped[datetime | None]
    insights_due_at: Mapped[datetime | None]
    comments_due_at: Mapped[datetime | None] = mapped_column(
        comment="when its comments are read next; NULL: not any more"
    )
    comments_cursor: Mapped[str | None] = mapped_column(
        comment="the platform's cursor of the next page of comments; NULL: begin with the newest"
    )
    comments_read_at: Mapped[datetime | None] = mapped_column(
        comment="when its comments were last read; NULL: not yet to their end"
    )
    deleted_at: Mapped[datetime | None] = mapped_column(
        comment="since when the platform does not show it: deleted or archived"
    )

    __table_args__ = (
        Index("idx_ig_media_account", "instagram_account_id", sql("timestamp DESC")),
        Index("idx_ig_media_timestamp", sql("timestamp DESC")),
        Index(
            "idx_ig_media_posted",
            "instagram_account_id",
            sql("coalesce(timestamp, created_at) DESC"),
            sql("id DESC"),
            postgresql_where=sql("deleted_at IS NULL"),
        ),
        Index(
            "idx_ig_media_insights_due",
            "insights_due_at",
            postgresql_where=sql("insights_due_at IS NOT NULL"),
        ),
        Index(
            "idx_ig_media_account_insights",
            "instagram_account_id",
            "insights_due_at",
            postgresql_where=sql("insights_due_at IS NOT NULL"),
        ),
        Index(
            "idx_ig_media_account_comments",
            "instagram_account_id",
            "comments_due_at",
            postgresql_where=sql("comments_due_at IS NOT NULL"),
        ),
        one_of("media_type", ("IMAGE", "VIDEO", "CAROUSEL_ALBUM", "REELS")),
        one_of("media_product_type", ("AD", "FEED", "STORY", "REELS")),
        {"comment": "Instagram media as the platform reports them"},
    )


class IgComment(IdColumn, TimestampColumns, Base):
    __tablename__ = "ig_comments"

    ig_media_id: Mapped[int] = mapped_column(ForeignKey("ig_media.id", ondelete="CASCADE"))
    ig_id: Mapped[str] = mapped_column(String(255), unique=True)
    from_user: Mapped[str | None] = mapped_column(String(255))
    from_id: Mapped[str | None]
    text: Mapped[str | None]
    hidden: Mapped[bool] = mapped_column(server_default="false")
    timestamp: Mapped[datetime | None]
    parent_ig_id: Mapped[str | None]
    like_count: Mapped[int | None]
    is_own: Mapped[bool] = mapped_column(server_default="false")
    last_seen_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None] = mapped_column(
        comment="when it was marked as handled; NULL: it is open"
    )
    handled_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    __table_args__ = (
        Index("idx_ig_comments_media", "ig_media_id", sql("timestamp DESC")),
        Index("idx_ig_comments_timestamp", sql("timestamp DESC")),
        Index("idx_ig_comments_parent", "parent_ig_id"),
        Index(
            "idx_ig_comments_written",
            sql("coalesce(timestamp, created_at) DESC"),
            sql("id DESC"),
            postgresql_where=sql("deleted_at IS NULL"),
        ),
        Index(
            "idx_ig_comments_unhandled",
            sql("coalesce(timestamp, created_at) DESC"),
            sql("id DESC"),
            postgresql_where=sql(
                "handled_at IS NULL AND deleted_at IS NULL AND NOT hidden AND NOT is_own"
            ),
        ),
        Index(
            "idx_ig_comments_handled_by",
            "handled_by",
            postgresql_where=sql("handled_by IS NOT NULL"),
        ),
        {"comment": "Comments on media of connected Instagram accounts"},
    )


class IgMention(IdColumn, TimestampColumns, Base):
    __tablename__ = "ig_mentions"

    instagram_account_id: Mapped[int] = mapped_column(
        ForeignKey("instagram_accounts.id", ondelete="CASCADE")
    )
    media_ig_id: Mapped[str] = mapped_column(comment="media of somebody else")
    comment_ig_id: Mapped[str] = mapped_column(
        server_default="", comment="empty: the text of the media itself mentions"
    )
    mentioned_at: Mapped[datetime | None] = mapped_column(comment="time of the event")
    text: Mapped[str | None]
    from_user: Mapped[str | None]
    permalink: Mapped[str | None]
    timestamp: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(
        server_default=func.now(), comment="when it is fetched; NULL: fetched, or not shown to us"
    )
    attempts: Mapped[int] = mapped_column(server_default="0")
    fetched_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("instagram_account_id", "media_ig_id", "comment_ig_id"),
        {"comment": "Mentions of connected Instagram accounts by others"},
    )
