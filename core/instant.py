"""A moment as JSON has it. Pure."""

from datetime import UTC, datetime


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
