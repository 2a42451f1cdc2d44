"""Indexes of lists, so that none reads all rows of a user who has very many."""

from alembic import op
from sqlalchemy import text

from migrations.columns import create_index

revision = "0030"
down_revision = "0029"

PUBLIC_IDS = "(metadata -> 'publicaly_available_post_id')"
IS_OPEN = "handled_at IS NULL AND deleted_at IS NULL AND NOT hidden AND NOT is_own"
INDEXES = (
    ("idx_posts_login", "posts", ("oauth_account_id", "id"), ""),
    ("idx_posts_destination", "posts", ("destination_id", "id"), "destination_id IS NOT NULL"),
    ("idx_posts_unstarted", "posts", ("user_id", "state", "id"), "publish_id IS NULL"),
    ("idx_tiktok_posts_list", "tiktok_posts", ("user_id", "status", "ledger_id"), ""),
    (
        "idx_ig_media_posted",
        "ig_media",
        ("instagram_account_id", "coalesce(timestamp, created_at) DESC", "id DESC"),
        "deleted_at IS NULL",
    ),
    (
        "idx_ig_comments_unhandled",
        "ig_comments",
        ("coalesce(timestamp, created_at) DESC", "id DESC"),
        IS_OPEN,
    ),
    ("idx_media_unfinished", "media", ("user_id", "id"), "completed_at IS NULL"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        create_index(name, table, *columns, where=where)
    op.create_index(
        "idx_tiktok_posts_public_ids", "tiktok_posts", [text(PUBLIC_IDS)], postgresql_using="gin"
    )
    op.drop_index("idx_posts_account", "posts")
    op.drop_index("idx_ig_comments_open", "ig_comments")
    describe_slots("365 days")


def downgrade() -> None:
    describe_slots("a UTC day")
    create_index("idx_posts_account", "posts", "oauth_account_id", "created_at DESC")
    create_index("idx_ig_comments_open", "ig_comments", "ig_media_id", where=IS_OPEN)
    op.drop_index("idx_tiktok_posts_public_ids", "tiktok_posts")
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table)


def describe_slots(length: str) -> None:
    op.execute(
        "COMMENT ON COLUMN post_days.starts_at IS"
        f" 'beginning of 15 minutes, or of {length} long ago, with the publish time'"
    )
