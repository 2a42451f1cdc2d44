"""What each user may store."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
