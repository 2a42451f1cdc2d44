"""Sessions, attempts to sign in, and what else belongs to people's accounts."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
