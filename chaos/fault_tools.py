"""What the faults share: waiting without failing, and leases that end at once."""

import time
from collections.abc import Callable

from chaos.campaign_stack import CampaignStack

POLL_SECONDS = 0.05
LEASED_TABLES = ("posts", "oauth_accounts", "webhook_events", "watches")
EXPIRE_LEASES = """
UPDATE {table} SET leased_until = now() - interval '1 second'
 WHERE id IN (SELECT id FROM {table} WHERE leased_until > now() FOR UPDATE SKIP LOCKED)
"""
"""Rows that a suspended process has locked in a transaction are skipped."""


class FaultImpossible(Exception):
    """The fault could not be injected at this moment."""


def wait_for(condition: Callable[[], object], *, within: float) -> bool:
    """Poll until the condition is true; return whether it became true in time. Units: seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def expire_leases(stack: CampaignStack) -> int:
    """Let leases expire now, instead of after 30, 90 or 330 seconds; return how many."""
    return sum(stack.query(EXPIRE_LEASES.format(table=table)) for table in LEASED_TABLES)
