"""Media, comments and metrics of every platform: what syncing stores."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
