"""Posts written together, and drafts."""

import sqlalchemy as sa
from alembic import op

from migrations.columns import (
    bigint_column,
    column,
    create_index,
    create_updated_at_triggers,
    created_at,
    foreign_key,
    json_column,
    text_column,
    updated_at,
)

revision = "0022"
down_revision = "0021"

GROUP_COMMENT = "posts that were written together for several accounts have the same"


def upgrade() -> None:
    op.add_column("posts", column("group_id", sa.Uuid(), nullable=True, comment=GROUP_COMMENT))
    create_index("idx_posts_group", "posts", "user_id", "group_id", where="group_id IS NOT NULL")
    op.create_table(
        "drafts",
        bigint_column("user_id"),
        column("draft_id", sa.Uuid(), comment="chosen by the client"),
        text_column("title", default="", comment="what lists show of the draft"),
        json_column("payload", comment="what the form holds; its form is the client's"),
        bigint_column("version", default="1", comment="counts the changes; the ETag of the draft"),
        created_at(),
        updated_at(),
        sa.PrimaryKeyConstraint("user_id", "draft_id", name="pk_drafts"),
        foreign_key("drafts", "user_id", "users", "CASCADE"),
        comment="Posts that are not sent yet",
    )
    create_updated_at_triggers("drafts")


def downgrade() -> None:
    op.drop_table("drafts")
    op.drop_index("idx_posts_group", table_name="posts")
    op.drop_column("posts", "group_id")
