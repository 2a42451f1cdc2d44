"""Instagram's side: media, comments, containers; and numbers over time."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    NOW,
    bigint_column,
    boolean_column,
    column,
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

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "ig_media",
        id_column(),
        bigint_column("instagram_account_id"),
        bigint_column("ledger_id", nullable=True),
        text_column("ig_id", 255),
        text_column("media_type", 50),
        text_column("media_product_type", 50, nullable=True),
        text_column("caption", nullable=True),
        text_column("permalink", 500, nullable=True),
        timestamp_column("timestamp", nullable=True),
        json_column("metrics_json", nullable=True),
        text_column("shortcode", nullable=True),
        text_column("thumbnail_url", nullable=True),
        bigint_column("like_count", nullable=True),
        bigint_column("comments_count", nullable=True),
        timestamp_column("insights_updated_at", nullable=True),
        timestamp_column("insights_due_at", nullable=True),
        timestamp_column("deleted_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("ig_media"),
        foreign_key("ig_media", "instagram_account_id", "instagram_accounts", "CASCADE"),
        foreign_key("ig_media", "ledger_id", "posts", "SET NULL"),
        unique_constraint("ig_media", "ig_id"),
        unique_constraint("ig_media", "ledger_id"),
        one_of("ig_media", "media_product_type", "AD", "FEED", "STORY", "REELS"),
        one_of("ig_media", "media_type", "IMAGE", "VIDEO", "CAROUSEL_ALBUM", "REELS"),
        comment="Media as the platform knows them",
    )
    create_index("idx_ig_media_account", "ig_media", "instagram_account_id", "timestamp DESC")
    create_index(
        "idx_ig_media_insights_due",
        "ig_media",
        "insights_due_at",
        where="insights_due_at IS NOT NULL",
    )
    create_index("idx_ig_media_timestamp", "ig_media", "timestamp DESC")

    op.create_table(
        "ig_comments",
        id_column(),
        bigint_column("ig_media_id"),
        text_column("ig_id", 255),
        text_column("from_user", 255, nullable=True),
        text_column("from_id", nullable=True),
        text_column("text", nullable=True),
        boolean_column("hidden", default="false"),
        timestamp_column("timestamp", nullable=True),
        text_column("parent_ig_id", nullable=True),
        bigint_column("like_count", nullable=True),
        boolean_column("is_own", default="false"),
        timestamp_column("last_seen_at", nullable=True),
        timestamp_column("deleted_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("ig_comments"),
        foreign_key("ig_comments", "ig_media_id", "ig_media", "CASCADE"),
        unique_constraint("ig_comments", "ig_id"),
        comment="Comments under our accounts' media",
    )
    create_index("idx_ig_comments_media", "ig_comments", "ig_media_id", "timestamp DESC")
    create_index("idx_ig_comments_parent", "ig_comments", "parent_ig_id")
    create_index("idx_ig_comments_timestamp", "ig_comments", "timestamp DESC")

    op.create_table(
        "ig_containers",
        id_column(),
        bigint_column("post_id"),
        bigint_column("position", default="0"),
        text_column("container_id"),
        text_column("kind"),
        text_column("status"),
        text_column("status_text", nullable=True),
        timestamp_column("expires_at", nullable=True),
        created_at(),
        updated_at(),
        primary_key("ig_containers"),
        foreign_key("ig_containers", "post_id", "posts", "CASCADE"),
        comment="Containers made on the way to a publication",
    )
    create_index("idx_ig_containers_post", "ig_containers", "post_id", "position")

    op.create_table(
        "metric_snapshots",
        id_column(),
        text_column("provider", 50),
        text_column("subject_type", comment="account, post or media"),
        bigint_column("subject_id"),
        text_column("metric"),
        column("value", sa.Numeric()),
        timestamp_column("taken_at", default=NOW),
        primary_key("metric_snapshots"),
        one_of("metric_snapshots", "provider", "tiktok", "instagram"),
        comment="Metrics as they were at a time",
    )
    create_index(
        "idx_metric_snapshots_subject",
        "metric_snapshots",
        "subject_type",
        "subject_id",
        "metric",
        "taken_at",
    )
    create_index("idx_metric_snapshots_taken", "metric_snapshots", "taken_at")

    create_updated_at_triggers("ig_media", "ig_comments", "ig_containers")


def downgrade() -> None:
    drop_tables("metric_snapshots", "ig_containers", "ig_comments", "ig_media")
