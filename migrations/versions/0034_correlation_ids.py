"""The request that a post came from, and its place in a trace."""

from alembic import op

from migrations.columns import text_column

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column(
        "posts",
        text_column(
            "correlation_id", nullable=True, comment="id of the request that the post came from"
        ),
    )
    op.add_column(
        "posts",
        text_column(
            "trace_parent",
            nullable=True,
            comment="span of that request, as a traceparent header names it; NULL: not traced",
        ),
    )


def downgrade() -> None:
    op.drop_column("posts", "trace_parent")
    op.drop_column("posts", "correlation_id")
