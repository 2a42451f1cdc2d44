"""Conditions of the alarm and the notices sent about them."""

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
