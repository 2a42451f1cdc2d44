"""Indexes of lists, so that none reads all rows of a user who has very many."""

from alembic import op
from sqlalchemy import text

from migrations.columns import create_index

revision = "0030"
down_revision = "0029"

PUBLIC_IDS = "(metadata -> 'publicaly_available_post_id')"
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
    ("idx_media_unfinished", "media", ("user_id", "id"), "completed_at IS NULL"),
)


def upgrade() -> None:
    for name, table, columns, where in INDEXES:
        create_index(name, table, *columns, where=where)
    op.create_index(
        "idx_tiktok_posts_public_ids", "tiktok_posts", [text(PUBLIC_IDS)], postgresql_using="gin"
    )
    op.drop_index("idx_posts_account", "posts")


def downgrade() -> None:
    create_index("idx_posts_account", "posts", "oauth_account_id", "created_at DESC")
    op.drop_index("idx_tiktok_posts_public_ids", "tiktok_posts")
    for name, table, _columns, _where in INDEXES:
        op.drop_index(name, table)
