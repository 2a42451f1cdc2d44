"""Posts: files, the ledger of publications, their timeline, TikTok's side of them."""

from alembic import op

from migrations.columns import (
    CLOCK,
    EMPTY,
    check,
    created,
    drop,
    flag,
    identity,
    index,
    json,
    moment,
    number,
    one_of,
    primary,
    refers,
    text,
    touched,
    unique,
    updated,
)

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "media",
        identity(),
        number("user_id"),
        text("filename"),
        text("content_type"),
        number("size", says="bytes announced"),
        number("received", default="0", says="bytes stored"),
        text("sha256", null=True, says="set when complete"),
        text("path", says="in the media store"),
        json("probe", null=True),
        moment("completed_at", null=True),
        moment("expires_at"),
        moment("last_used_at", null=True),
        created(),
        updated(),
        primary("media"),
        refers("media", "user_id", "users", "CASCADE"),
        check("media", "received", "received BETWEEN 0 AND size"),
        comment="Files given to us; deleted some days after their last use",
    )
    index("idx_media_expires", "media", "expires_at")
    index("idx_media_user", "media", "user_id")

    op.create_table(
        "posts",
        identity(),
        number("user_id"),
        number("oauth_account_id", null=True),
        number("instagram_account_id", null=True),
        number("media_id", null=True),
        number("retry_of", null=True),
        text("provider", 50),
        text("kind", 50),
        text("source", 50),
        text("sent_by", 50, says="who moves the bytes"),
        text("title", default=""),
        json("payload_json", default=EMPTY, says="video_url and settings as wished"),
        text("state", 50, default="QUEUED"),
        text("step", null=True, says="last phase the platform told us of"),
        json("memo", default=EMPTY, says="ours, never queried"),
        text("publish_id", 255, null=True),
        text("container_id", 255, null=True),
        text("platform_post_id", 255, null=True),
        text("permalink", null=True),
        number("bytes_total", null=True),
        number("bytes_sent", default="0"),
        number("chunk_size", null=True),
        moment("url_expires_at", null=True, says="of the upload address"),
        text("idempotency_key", 255, null=True),
        text("request_hash", null=True, says="SHA-256 of the request as wished"),
        moment("publish_at", null=True),
        text("hold_reason", null=True, says="why it waits for a person"),
        text("error_code", null=True),
        text("error_message", null=True),
        moment("finished_at", null=True),
        moment("started_at", null=True, says="the platform was first told then"),
        flag(
            "has_slot",
            default="false",
            says="holds a place in the account's quota until it has ended",
        ),
        moment("due_at", null=True, says="NULL: nothing to do"),
        moment("leased_until", null=True),
        number("lease_token", default="0", says="the fence"),
        number("attempts", default="0"),
        text("last_error", null=True),
        created(),
        updated(),
        primary("posts"),
        refers("posts", "instagram_account_id", "instagram_accounts", "SET NULL"),
        refers("posts", "media_id", "media", "SET NULL"),
        refers("posts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        refers("posts", "retry_of", "posts", "SET NULL"),
        refers("posts", "user_id", "users", "CASCADE"),
        unique("posts", "user_id", "idempotency_key"),
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
    index("idx_posts_account", "posts", "oauth_account_id", "created_at DESC")
    index("idx_posts_due", "posts", "due_at", where="due_at IS NOT NULL")
    index("idx_posts_instagram", "posts", "instagram_account_id", "created_at DESC")
    index("idx_posts_media", "posts", "media_id")
    index("idx_posts_retry_of", "posts", "retry_of")
    index("idx_posts_user", "posts", "user_id", "created_at DESC")
    index(
        "uq_posts_publish_id",
        "posts",
        "provider",
        "publish_id",
        where="publish_id IS NOT NULL",
        unique=True,
    )

    op.create_table(
        "post_events",
        identity(),
        number("post_id"),
        moment("at", default=CLOCK),
        text("kind"),
        text("from_state", null=True),
        text("to_state", null=True),
        text("note", null=True),
        primary("post_events"),
        refers("post_events", "post_id", "posts", "CASCADE"),
        comment="What happened to a post, in order",
    )
    index("idx_post_events_post", "post_events", "post_id", "id")

    op.create_table(
        "upload_sessions",
        identity(),
        number("post_id"),
        text("upload_url_encrypted", null=True, says="AES-256-GCM; NULL: used up"),
        moment("url_expires_at"),
        number("size", says="bytes of the whole file"),
        text("sha256", null=True, says="of the file as it was at the start"),
        number("chunk_size"),
        number("total_chunk_count"),
        number("next_offset", default="0", says="a lower bound"),
        created(),
        updated(),
        primary("upload_sessions"),
        refers("upload_sessions", "post_id", "posts", "CASCADE"),
        unique("upload_sessions", "post_id"),
        comment="One per file upload to TikTok",
    )

    op.create_table(
        "tiktok_posts",
        identity(),
        number("user_id"),
        number("oauth_account_id", null=True),
        number("ledger_id", null=True),
        text("publish_id", 255),
        text("status", 50),
        text("source", 50),
        text("mode", 50),
        text("title", null=True),
        text("error_code", 100, null=True),
        text("error_message", null=True),
        json("metadata", default=EMPTY),
        number("uploaded_bytes", null=True),
        number("downloaded_bytes", null=True),
        flag("publicly_available", null=True, says="NULL: not said yet"),
        moment("last_polled_at", null=True),
        moment("completed_at", null=True),
        created(),
        updated(),
        primary("tiktok_posts"),
        refers("tiktok_posts", "ledger_id", "posts", "SET NULL"),
        refers("tiktok_posts", "oauth_account_id", "oauth_accounts", "SET NULL"),
        refers("tiktok_posts", "user_id", "users", "CASCADE"),
        unique("tiktok_posts", "ledger_id"),
        unique("tiktok_posts", "publish_id"),
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
    index("idx_tiktok_posts_oauth", "tiktok_posts", "oauth_account_id", "created_at DESC")
    index(
        "idx_tiktok_posts_status",
        "tiktok_posts",
        "status",
        "created_at",
        where="status IN ('PROCESSING_UPLOAD', 'PROCESSING_DOWNLOAD', 'SEND_TO_USER_INBOX')",
    )
    index("idx_tiktok_posts_user", "tiktok_posts", "user_id", "created_at DESC")

    touched("media", "posts", "upload_sessions", "tiktok_posts")


def downgrade() -> None:
    drop("tiktok_posts", "upload_sessions", "post_events", "posts", "media")
