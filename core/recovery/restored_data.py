"""Makes a restored database safe to work with, in one transaction.

It knows nothing of what happened after its backup: who was erased, which keys were revoked, which
tokens the platforms have replaced and which posts are public by now. So nothing of it is used or
sent before somebody who knows has been consulted: the list of erasures, the platform, or a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core import audit
from core.accounts.grant_lifecycle import RESTORED
from core.accounts.refresh import renewal_kind
from core.bootstrap import Services
from core.post_state.changes import open_change_set
from core.post_state.settle import PostState
from core.post_state.step_state import (
    HAS_REPEATED,
    INLINE,
    PLANNED_STEP,
    POLL_COUNT,
    RESTORED_AT,
    UNSAFE_AT,
    UNSAFE_STEP,
    without_keys,
)
from core.post_state.transitions import move_post
from core.publishing.step_safety import UNRECORDED_STEP
from core.recovery.removals import RepeatedRemovals, repeat_removals
from core.removal_list import Removal
from db.accounts.accounts import Account, AccountStatus
from db.insights.schedule import SamplingSchedules
from db.ops.restored_rows import RestoredRows
from db.posts.posts import Post, Posts
from db.session import Session, database_now
from platforms.logins import RenewalKind


@dataclass(frozen=True)
class RestoredData:
    """How many rows of each kind were changed."""

    sessions: int
    removals: RepeatedRemovals
    grants: int
    held_posts: int
    unconfirmed_posts: int


def prepare_restored_data(
    session: Session,
    services: Services,
    *,
    snapshot_at: datetime,
    removals: Sequence[Removal],
    should_hold: bool,
) -> RestoredData:
    """End sessions, repeat `removals`, have grants confirmed before use, hold queued posts.

    `snapshot_at` is the moment of the backup. Without `should_hold` queued posts go out when they
    are due, also those that were published after the backup.
    """
    rows, note = RestoredRows(session), f"restored from the backup of {snapshot_at.isoformat()}"
    repeated = repeat_removals(session, services, removals)
    session.flush()
    rows.pass_notifications()
    prepared = RestoredData(
        sessions=rows.end_sessions(),
        removals=repeated,
        grants=require_confirmation_of_grants(session),
        held_posts=rows.hold_queued_posts(note=note) if should_hold else 0,
        unconfirmed_posts=open_outcomes(session, snapshot_at=snapshot_at, note=note),
    )
    audit.record_action(
        session,
        "database.restored",
        details={
            "snapshotAt": snapshot_at.isoformat(),
            "heldPosts": prepared.held_posts,
            "unconfirmedPosts": prepared.unconfirmed_posts,
        },
    )
    return prepared


def require_confirmation_of_grants(session: Session) -> int:
    """Let no token be used before its platform has confirmed it. Return how many logins wait."""
    accounts, now = RestoredRows(session).lock_active_accounts(), database_now(session)
    for account in accounts:
        account.leased_until = None
        account.lease_token += 1
        if renewal_kind(account) == RenewalKind.REFRESH_TOKEN:
            require_refresh(account, now)
        else:
            account.status, account.status_cause = AccountStatus.NEEDS_RECONNECT, RESTORED
            account.due_at = None
    return len(accounts)


def require_refresh(account: Account, now: datetime) -> None:
    """Have the login refreshed before its access token is used.

    The refresh token may have been replaced since the backup: then the platform refuses it, and
    `refresh_started_at` says that this is a lost rotation and no revocation.
    """
    account.expires_at = account.due_at = account.refresh_started_at = now
    account.attempts = 0


def open_outcomes(session: Session, *, snapshot_at: datetime, note: str) -> int:
    """Treat every post that was under way as one whose answer was lost. Return how many.

    Each is looked for at the platform, and never sent again by itself.
    """
    posts, now = RestoredRows(session).lock_unfinished_posts(), database_now(session)
    with open_change_set(session) as changes:
        for post in posts:
            open_outcome(post, snapshot_at=snapshot_at, now=now)
            if post.oauth_account_id is not None:
                SamplingSchedules(session).request_listing_for(
                    post.oauth_account_id, post.destination_id
                )
            move_post(changes, post, PostState.UNCONFIRMED, note=note)
    return len(posts)


def open_outcome(post: Post, *, snapshot_at: datetime, now: datetime) -> None:
    state = post.step_state
    begun = state.get(UNSAFE_STEP) or state.get(PLANNED_STEP) or UNRECORDED_STEP
    post.step_state = {
        **without_keys(state, PLANNED_STEP, POLL_COUNT, INLINE),
        UNSAFE_STEP: begun,
        UNSAFE_AT: state.get(UNSAFE_AT) or snapshot_at.isoformat(),
        RESTORED_AT: now.isoformat(),
        HAS_REPEATED: True,
    }
    post.is_upload_due = False
    post.hold_reason = post.leased_until = None
    post.lease_token += 1
    post.attempts = 0
    post.due_at = Posts.due_time(None)
