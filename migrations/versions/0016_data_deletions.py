"""Callbacks about deauthorized apps and deleted data: what they store."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
