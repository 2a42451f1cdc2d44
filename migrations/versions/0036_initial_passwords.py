"""Until when a password that was generated for a user is valid, unless they change it."""

from alembic import op

from migrations.columns import timestamp_column

revision = "0036"
down_revision = "0035"

COMMENT = "when a password that was generated for the user ends; NULL: never"


def upgrade() -> None:
    op.add_column("users", timestamp_column("password_expires_at", nullable=True, comment=COMMENT))


def downgrade() -> None:
    op.drop_column("users", "password_expires_at")
