"""When a user last changed something: lists of this user are read from no older copy."""

from alembic import op

from migrations.columns import timestamp_column

revision = "0037"
down_revision = "0036"

COMMENT = "when the user last changed something; kept while lists are read from a replica"


def upgrade() -> None:
    op.add_column("users", timestamp_column("wrote_at", comment=COMMENT, nullable=True))


def downgrade() -> None:
    op.drop_column("users", "wrote_at")
