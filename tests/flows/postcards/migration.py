"""Rows may name Postcards: the constraint of each table with a platform is widened."""

from alembic import op

revision = "9999"
down_revision = "{head}"

TABLES = ("oauth_accounts", "oauth_states", "posts", "webhook_events", "data_deletion_requests")


def upgrade() -> None:
    for table in (*TABLES, "comment_replies"):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_provider")


def downgrade() -> None:
    """The rows of the platform would have to go first."""
