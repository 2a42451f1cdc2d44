"""Posts: files, the ledger of publications, their timeline, TikTok's side of them."""

from alembic import op

from migrations.columns import (
    CLOCK_TIMESTAMP,
    EMPTY,
    bigint_column,
    boolean_column,
    check_constraint,
    create_index,
    create_updated_at_triggers,
    created_at,
    drop_tables,
    foreign_key,
    id_column,
    json_column,
    one_of,
    primary_key,
    text_column,
    timestamp_column,
    unique_constraint,
    updated_at,
)

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "media",
        id_column(),
        bigint_column("user_id"),
        text_column("filename"),
        text_column("content_type"),
        bigint_column("size", comment="bytes announced"),
        bigint_column("received", default="0", comment="bytes stored"),
        text_column("sha256", nullable=True, comment="set when complete"),
        text_column("path", comment="in the media store"),
        json_column("probe", nullable=True),
        timestamp_column("completed_at", nullable=True),
        timestamp_column("expires_at"),
        timestamp_column("last_used_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("media"),
        foreign_key("media", "user_id", "users", "CASCADE"),
        check_constraint("media", "received", "received BETWEEN 0 AND size"),
        comment="Files given to us; deleted some days after their last use",
    )
    create_index("idx_media_expires", "media", "expires_at")
    create_index("idx_media_user", "media", "user_id")

    op.create_table(
        "posts",
        id_column(),
        bigint_column("user_id"),
        bigint_column("oauth_account_id", nullable=True),
        bigint_column("instagram_account_id", nullable=True),
        bigint_column("media_id", nullable=True),
        bigint_column("retry_of", nullable=True),
        text_column("provider", 50),
        text_column("kind", 50),
        text_column("source", 50),
        text_column("sent_by", 50, comment="who moves the bytes"),
        text_column("title", default=""),
        json_column("payload_json", default=EMPTY, comment="video_url and settings as wished"),
        text_column("state", 50, default="QUEUED"),
        text_column("step", nullable=True, comment="last phase the platform told us of"),
        json_column("memo", default=EMPTY, comment="ours, never queried"),
        text_column("publish_id", 255, nullable=True),
        text_column("container_id", 255, nullable=True),
        text_column("platform_post_id", 255, nullable=True),
        text_column("permalink", nullable=True),
        bigint_column("bytes_total", nullable=True),
        bigint_column("bytes_sent", default="0"),
        bigint_column("chunk_size", nullable=True),
        timestamp_column("url_expires_at", nullable=True, comment="of the upload address"),
        text_column("idempotency_key", 255, nullable=True),
        text_column("request_hash", nullable=True, comment="SHA-256 of the request as wished"),
        timestamp_column("publish_at", nullable=True),
        text_column("hold_reason", nullable=True, comment="why it waits for a person"),
        text_column("error_code", nullable=True),
        text_column("error_message", nullable=True),
        timestamp_column("finished_at", nullable=True),
        timestamp_column("started_at", nullable=True, comment="the platform was first told then"),
        boolean_column(
            "has_slot",
            default="false",
            comment="holds a place in the account's quota until it has ended",
        ),
        timestamp_column("due_at", nullable=True, comment="NULL: nothing to do"),
        timestamp_column("leased_until", nullable=True),
        bigint_column("lease_token", default="0", comment="the fence"),
        bigint_column("attempts", default="0"),
        text_column("last_error", nullable=True),
        created_at(),
        updated_at(),
        primary_key("posts"),
        foreign_key("posts", "instagram_account_id", "instagram_accounts", "SET NULL"),
        foreign_key("posts", "media_id", "media", "SET NULL"),
        foreign_key("posts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        foreign_key("posts", "retry_of", "posts", "SET NULL"),
        foreign_key("posts", "user_id", "users", "CASCADE"),
        unique_constraint("posts", "user_id", "idempotency_key"),
        one_of(
            "posts",
            "kind",
            "INBOX_VIDEO",
            "DIRECT_VIDEO",
            "INBOX_PHOTO",
            "DIRECT_PHOTO",
            "IMAGE",
            "REELS",
            "STORIES",
            "CAROUSEL",
        ),
        one_of("posts", "provider", "tiktok", "instagram"),
        one_of("posts", "sent_by", "CALLER", "SIGNALPOST", "PLATFORM"),
        one_of("posts", "source", "FILE_UPLOAD", "PULL_FROM_URL"),
        one_of(
            "posts",
            "state",
            "QUEUED",
            "SENDING",
            "PROCESSING",
            "UNCONFIRMED",
            "PUBLISHED",
            "FAILED",
            "CANCELLED",
        ),
        comment="The publish ledger: one row per intended publication",
    )
    create_index("idx_posts_account", "posts", "oauth_account_id", "created_at DESC")
    create_index("idx_posts_due", "posts", "due_at", where="due_at IS NOT NULL")
    create_index("idx_posts_instagram", "posts", "instagram_account_id", "created_at DESC")
    create_index("idx_posts_media", "posts", "media_id")
    create_index("idx_posts_retry_of", "posts", "retry_of")
    create_index("idx_posts_user", "posts", "user_id", "created_at DESC")
    create_index(
        "uq_posts_publish_id",
        "posts",
        "provider",
        "publish_id",
        where="publish_id IS NOT NULL",
        unique=True,
    )

    op.create_table(
        "post_events",
        id_column(),
        bigint_column("post_id"),
        timestamp_column("at", default=CLOCK_TIMESTAMP),
        text_column("kind"),
        text_column("from_state", nullable=True),
        text_column("to_state", nullable=True),
        text_column("note", nullable=True),
        primary_key("post_events"),
        foreign_key("post_events", "post_id", "posts", "CASCADE"),
        comment="What happened to a post, in order",
    )
    create_index("idx_post_events_post", "post_events", "post_id", "id")

    op.create_table(
        "upload_sessions",
        id_column(),
        bigint_column("post_id"),
        text_column("upload_url_encrypted", nullable=True, comment="AES-256-GCM; NULL: used up"),
        timestamp_column("url_expires_at"),
        bigint_column("size", comment="bytes of the whole file"),
        text_column("sha256", nullable=True, comment="of the file as it was at the start"),
        bigint_column("chunk_size"),
        bigint_column("total_chunk_count"),
        bigint_column("next_offset", default="0", comment="a lower bound"),
        created_at(),
        updated_at(),
        primary_key("upload_sessions"),
        foreign_key("upload_sessions", "post_id", "posts", "CASCADE"),
        unique_constraint("upload_sessions", "post_id"),
        comment="One per file upload to TikTok",
    )

    op.create_table(
        "tiktok_posts",
        id_column(),
        bigint_column("user_id"),
        bigint_column("oauth_account_id", nullable=True),
        bigint_column("ledger_id", nullable=True),
        text_column("publish_id", 255),
        text_column("status", 50),
        text_column("source", 50),
        text_column("mode", 50),
        text_column("title", nullable=True),
        text_column("error_code", 100, nullable=True),
        text_column("error_message", nullable=True),
        json_column("metadata", default=EMPTY),
        bigint_column("uploaded_bytes", nullable=True),
        bigint_column("downloaded_bytes", nullable=True),
        boolean_column("publicly_available", nullable=True, comment="NULL: not said yet"),
        timestamp_column("last_polled_at", nullable=True),
        timestamp_column("completed_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("tiktok_posts"),
        foreign_key("tiktok_posts", "ledger_id", "posts", "SET NULL"),
        foreign_key("tiktok_posts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        foreign_key("tiktok_posts", "user_id", "users", "CASCADE"),
        unique_constraint("tiktok_posts", "ledger_id"),
        unique_constraint("tiktok_posts", "publish_id"),
        one_of("tiktok_posts", "mode", "INBOX", "DIRECT"),
        one_of("tiktok_posts", "source", "FILE_UPLOAD", "PULL_FROM_URL"),
        one_of(
            "tiktok_posts",
            "status",
            "PROCESSING_UPLOAD",
            "PROCESSING_DOWNLOAD",
            "SEND_TO_USER_INBOX",
            "PUBLISH_COMPLETE",
            "FAILED",
        ),
        comment="Publications as TikTok knows them",
    )
    create_index("idx_tiktok_posts_oauth", "tiktok_posts", "oauth_account_id", "created_at DESC")
    create_index(
        "idx_tiktok_posts_status",
        "tiktok_posts",
        "status",
        "created_at",
        where="status IN ('PROCESSING_UPLOAD', 'PROCESSING_DOWNLOAD', 'SEND_TO_USER_INBOX')",
    )
    create_index("idx_tiktok_posts_user", "tiktok_posts", "user_id", "created_at DESC")

    create_updated_at_triggers("media", "posts", "upload_sessions", "tiktok_posts")


def downgrade() -> None:
    drop_tables("tiktok_posts", "upload_sessions", "post_events", "posts", "media")
