"""Instagram's side: media, comments, containers; and numbers over time."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    NOW,
    column,
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

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "ig_media",
        identity(),
        number("instagram_account_id"),
        number("ledger_id", null=True),
        text("ig_id", 255),
        text("media_type", 50),
        text("media_product_type", 50, null=True),
        text("caption", null=True),
        text("permalink", 500, null=True),
        moment("timestamp", null=True),
        json("metrics_json", null=True),
        text("shortcode", null=True),
        text("thumbnail_url", null=True),
        number("like_count", null=True),
        number("comments_count", null=True),
        moment("insights_updated_at", null=True),
        moment("insights_due_at", null=True),
        moment("deleted_at", null=True),
        created(),
        updated(),
        primary("ig_media"),
        refers("ig_media", "instagram_account_id", "instagram_accounts", "CASCADE"),
        refers("ig_media", "ledger_id", "posts", "SET NULL"),
        unique("ig_media", "ig_id"),
        unique("ig_media", "ledger_id"),
        one_of("ig_media", "media_product_type", "AD", "FEED", "STORY", "REELS"),
        one_of("ig_media", "media_type", "IMAGE", "VIDEO", "CAROUSEL_ALBUM", "REELS"),
        comment="Media as the platform knows them",
    )
    index("idx_ig_media_account", "ig_media", "instagram_account_id", "timestamp DESC")
    index(
        "idx_ig_media_insights_due",
        "ig_media",
        "insights_due_at",
        where="insights_due_at IS NOT NULL",
    )
    index("idx_ig_media_timestamp", "ig_media", "timestamp DESC")

    op.create_table(
        "ig_comments",
        identity(),
        number("ig_media_id"),
        text("ig_id", 255),
        text("from_user", 255, null=True),
        text("from_id", null=True),
        text("text", null=True),
        flag("hidden", default="false"),
        moment("timestamp", null=True),
        text("parent_ig_id", null=True),
        number("like_count", null=True),
        flag("is_own", default="false"),
        moment("last_seen_at", null=True),
        moment("deleted_at", null=True),
        created(),
        updated(),
        primary("ig_comments"),
        refers("ig_comments", "ig_media_id", "ig_media", "CASCADE"),
        unique("ig_comments", "ig_id"),
        comment="Comments under our accounts' media",
    )
    index("idx_ig_comments_media", "ig_comments", "ig_media_id", "timestamp DESC")
    index("idx_ig_comments_parent", "ig_comments", "parent_ig_id")
    index("idx_ig_comments_timestamp", "ig_comments", "timestamp DESC")

    op.create_table(
        "ig_containers",
        identity(),
        number("post_id"),
        number("position", default="0"),
        text("container_id"),
        text("kind"),
        text("status"),
        text("status_text", null=True),
        moment("expires_at", null=True),
        created(),
        updated(),
        primary("ig_containers"),
        refers("ig_containers", "post_id", "posts", "CASCADE"),
        comment="Containers made on the way to a publication",
    )
    index("idx_ig_containers_post", "ig_containers", "post_id", "position")

    op.create_table(
        "metric_snapshots",
        identity(),
        text("provider", 50),
        text("subject_type", says="account, post or media"),
        number("subject_id"),
        text("metric"),
        column("value", sa.Numeric()),
        moment("taken_at", default=NOW),
        primary("metric_snapshots"),
        one_of("metric_snapshots", "provider", "tiktok", "instagram"),
        comment="Metrics as they were at a time",
    )
    index(
        "idx_metric_snapshots_subject",
        "metric_snapshots",
        "subject_type",
        "subject_id",
        "metric",
        "taken_at",
    )
    index("idx_metric_snapshots_taken", "metric_snapshots", "taken_at")

    touched("ig_media", "ig_comments", "ig_containers")


def downgrade() -> None:
    drop("metric_snapshots", "ig_containers", "ig_comments", "ig_media")
