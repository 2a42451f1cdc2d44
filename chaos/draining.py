"""The end of a campaign: no faults any more, time passed on, and all work done."""

import time
from dataclasses import dataclass, field
from typing import Any

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import expire_leases, wait_for
from chaos.workload import Workload
from tests.flows.instagram_posts import PASS_DAY, PASS_TIME

# Seconds: the supervisor's longest delay, and the start of a worker on a busy machine.
EVENTS_TIMEOUT, POSTS_TIMEOUT = 170.0, 90.0
LEASE_PERIOD = 5.0  # seconds between two times that leases of killed workers end
UNCONFIRMED_WAIT = 10.0  # seconds without a change after which a day is let pass

SKIP_RETRY_DELAYS = """
UPDATE posts SET due_at = now()
 WHERE id IN (SELECT id FROM posts
               WHERE due_at > now() AND leased_until IS NULL
                 AND state NOT IN ('PUBLISHED', 'FAILED', 'CANCELLED')
                 FOR UPDATE SKIP LOCKED)
"""
AGE_UNCONFIRMED_POSTS = """
UPDATE posts SET started_at = started_at - interval '25 hours', due_at = now(),
    memo = memo || jsonb_build_object('unsafe_at', now() - interval '25 hours')
 WHERE state = 'UNCONFIRMED' AND provider = 'tiktok' AND leased_until IS NULL
"""
EXHAUST_POISON = """
UPDATE webhook_events SET retry_count = 99, next_attempt_at = now()
 WHERE publish_id = ANY(%s) AND dead_at IS NULL AND leased_until IS NULL
"""
OPEN_POSTS = """
SELECT id, state, error_code, hold_reason FROM posts
 WHERE state NOT IN ('PUBLISHED', 'FAILED', 'CANCELLED') AND oauth_account_id = ANY(%s)
"""


@dataclass(frozen=True)
class DrainedWork:
    """What was left in the end: nothing, if all went well."""

    open_posts: list[Any] = field(default_factory=list)
    is_stream_drained: bool = True
    is_poison_dead: bool = True
    post_count: int = 0


def drain_work(stack: CampaignStack, load: Workload) -> DrainedWork:
    """Heal everything, let time pass in the rows, and wait until nothing is left to do."""
    heal_stack(stack)
    expiry = LeaseExpiry(stack)
    is_drained = wait_for(lambda: expiry.renew() or load.stream.is_drained(), within=EVENTS_TIMEOUT)
    accounts = list_posting_accounts(load)
    publishing = PublishingEnd(stack, expiry, accounts)
    wait_for(publishing.is_reached, within=POSTS_TIMEOUT)
    is_poison_dead = wait_for(lambda: is_poison_exhausted(stack, load), within=POSTS_TIMEOUT)
    count = stack.query_value(
        "SELECT count(*) FROM posts WHERE oauth_account_id = ANY(%s)", accounts
    )
    return DrainedWork(publishing.list_open(), is_drained, is_poison_dead, count)


def heal_stack(stack: CampaignStack) -> None:
    """Take back every fault that lasts."""
    stack.sandbox.control("faults", method="DELETE")
    stack.move_clock(0)
    stack.redis_proxy.delay = 0.0
    stack.running.forget_earlier_tests()  # circuits that are open for a minute


def list_posting_accounts(load: Workload) -> list[int]:
    users = [user for user, _ in (*load.users, *load.instagram_users)]
    return [user.account_id for user in (*users, *load.busy_users)]


@dataclass
class LeaseExpiry:
    """Ends the leases of killed workers every few seconds, instead of after minutes."""

    stack: CampaignStack
    renewed_at: float = 0.0

    def renew(self) -> bool:
        """Return False, so that a condition can follow it with `or`."""
        if time.monotonic() > self.renewed_at + LEASE_PERIOD:
            self.renewed_at = time.monotonic()
            expire_leases(self.stack)
        return False


@dataclass
class PublishingEnd:
    """Waits until every post of these accounts has ended."""

    stack: CampaignStack
    expiry: LeaseExpiry
    accounts: list[int]
    last_open: Any = None
    changed_at: float = 0.0

    def list_open(self) -> list[Any]:
        return list(self.stack.query(OPEN_POSTS, self.accounts))

    def is_reached(self) -> bool:
        self.expiry.renew()
        self.stack.query(PASS_TIME)
        self.stack.query(SKIP_RETRY_DELAYS)
        open_posts = self.list_open()
        if open_posts != self.last_open:
            self.last_open, self.changed_at = open_posts, time.monotonic()
        elif time.monotonic() > self.changed_at + UNCONFIRMED_WAIT:
            self.pass_day()
        time.sleep(0.5)
        return not open_posts

    def pass_day(self) -> None:
        """Let a day pass for posts of which the platform knows nothing."""
        for statement in (AGE_UNCONFIRMED_POSTS, PASS_DAY):
            self.stack.query(statement)


def is_poison_exhausted(stack: CampaignStack, load: Workload) -> bool:
    """Use up the attempts of the poisoned events; return whether all are dead letters."""
    if not load.poisoned:
        return True
    stack.query(EXHAUST_POISON, load.poisoned)
    dead = stack.query_value(
        "SELECT count(*) FROM webhook_events WHERE publish_id = ANY(%s) AND dead_at IS NOT NULL",
        load.poisoned,
    )
    return bool(dead == len(set(load.poisoned)))
