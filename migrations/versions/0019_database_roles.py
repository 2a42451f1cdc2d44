"""What the application's database role may do."""

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Change nothing yet."""


def downgrade() -> None:
    """Change nothing yet."""
