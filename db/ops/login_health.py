"""How the logins of each platform stand, and how their renewals went, from two views."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

LOGIN_HEALTH = """
SELECT provider, health.status, summary.total, summary.active, summary.expired,
       summary.expiring_within_1h, health.needs_reconnect, health.refreshed_24h, health.failed_24h,
       health.last_success_at
FROM oauth_accounts_summary AS summary JOIN oauth_health_status AS health USING (provider)
"""


class LoginHealth(NamedTuple):
    """The accounts of one platform, and the renewals of their tokens in the last 24 hours.

    `status`: healthy, degraded or unhealthy by those renewals.
    """

    provider: str
    status: str
    total: int
    active: int
    expired: int
    expiring_within_1h: int
    needs_reconnect: int
    refreshed_24h: int
    failed_24h: int
    last_success_at: datetime | None


def list_login_health(session: Session) -> list[LoginHealth]:
    """Platforms without any account are left out."""
    return [LoginHealth(*row) for row in session.execute(text(LOGIN_HEALTH))]
