"""Runs the first steps of a post inside the request, so that its caller gets the result.

It claims the post as a worker would. The claim is part of the transaction that stores the post, so
that no worker can claim it in between.
"""

from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.bootstrap import Services
from core.errors import CoreError, ServiceUnavailable
from core.jobs.executor import execute_with_claim
from core.jobs.job_type import Claim
from core.jobs.recorder import record_results
from core.jobs.runner import claim_and_prepare
from core.post_state.settle import PostState
from core.post_state.step_state import INLINE
from core.post_state.transitions import end_one_post
from core.publishing.job_types import PUBLISH_JOB_TYPE
from core.publishing.step_jobs import (
    ChecksPassed,
    ClaimAnswer,
    PlatformStepJob,
    PostingTokenRefused,
    StepAnswer,
    StepPlanned,
)
from db.posts.posts import Post, Posts
from db.session import Database, Session

StepClaim = Claim[PlatformStepJob]


def claim_inline(session: Session, post: Post) -> StepClaim | None:
    """Claim this post for the request; None if a worker has claimed it first."""
    post.step_state = {**post.step_state, INLINE: True}
    session.flush()
    claims = claim_and_prepare(PUBLISH_JOB_TYPE, session, limit=1, row_id=post.id)
    return claims[0] if claims else None


def run_inline(database: Database, services: Services, claim: StepClaim) -> None:
    """Run claims until the first step of the platform has run: the checks before it, and it.

    A refused access token is refreshed once.
    Errors: NeedsReconnect, and then the post has failed with it.
    """
    next_claim: StepClaim | None = claim
    has_renewed = False
    while next_claim is not None:
        answer = run_one_claim(database, services, next_claim)
        if isinstance(answer, PostingTokenRefused) and not has_renewed:
            has_renewed = True
            if not renew_access_token(database, services, claim, answer.token.login):
                return
        elif not isinstance(answer, ChecksPassed | StepPlanned):
            return
        next_claim = claim_next_step(database, claim.id)


def run_one_claim(database: Database, services: Services, claim: StepClaim) -> StepAnswer | None:
    """Execute and record one claim; returns its answer, None if it failed or was snoozed."""
    result = execute_with_claim(PUBLISH_JOB_TYPE, services, claim)
    record_results(PUBLISH_JOB_TYPE, database, services, [result])
    _, outcome = result
    return outcome.answer if isinstance(outcome, ClaimAnswer) else None


def renew_access_token(
    database: Database, services: Services, claim: StepClaim, refused_token: AccessToken
) -> bool:
    """Refresh the token; False if that is not possible now, and the post stays as it is.

    Errors: NeedsReconnect, and then the post has failed with it.
    """
    try:
        get_or_refresh_token(
            database, services, refused_token.account_id, refused_token=refused_token
        )
    except ServiceUnavailable:
        return False  # `finish_request` decides whether the post stays queued or fails
    except CoreError as error:
        fail_queued_post(database, claim.id, error)
        raise
    return True


def claim_next_step(database: Database, post_id: int) -> StepClaim | None:
    """Claim the post again; None if a worker has claimed it, or it is not queued any more."""
    with database.transaction() as session:
        post = session.get_one(Post, post_id, with_for_update=True)
        if post.state != PostState.QUEUED or post.leased_until is not None:
            return None
        post.due_at = Posts.now()
        return claim_inline(session, post)


def fail_queued_post(database: Database, post_id: int, error: CoreError) -> None:
    with database.transaction() as session:
        post = session.get_one(Post, post_id, with_for_update=True)
        if post.state == PostState.QUEUED:
            end_one_post(session, post, PostState.FAILED, error.code, str(error))
