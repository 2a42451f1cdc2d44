"""Comments marked as handled, and the index by which lists of comments are read."""

from alembic import op

from migrations.columns import bigint_column, create_index, foreign_key, timestamp_column

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column(
        "ig_comments",
        timestamp_column(
            "handled_at",
            nullable=True,
            comment="when it was marked as handled; NULL: it is open",
        ),
    )
    op.add_column("ig_comments", bigint_column("handled_by", nullable=True))
    op.create_foreign_key(
        foreign_key("ig_comments", "handled_by", "users", "SET NULL").name,
        "ig_comments",
        "users",
        ["handled_by"],
        ["id"],
        ondelete="SET NULL",
    )
    create_index(
        "idx_ig_comments_written",
        "ig_comments",
        "coalesce(timestamp, created_at) DESC",
        "id DESC",
        where="deleted_at IS NULL",
    )
    create_index(
        "idx_ig_comments_open",
        "ig_comments",
        "ig_media_id",
        where="handled_at IS NULL AND deleted_at IS NULL AND NOT hidden AND NOT is_own",
    )
    create_index(
        "idx_ig_comments_handled_by", "ig_comments", "handled_by", where="handled_by IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_index("idx_ig_comments_handled_by", "ig_comments")
    op.drop_index("idx_ig_comments_open", "ig_comments")
    op.drop_index("idx_ig_comments_written", "ig_comments")
    op.drop_column("ig_comments", "handled_by")
    op.drop_column("ig_comments", "handled_at")
