"""The first step of a post while its requester waits. One claim like any other, only taken here.

The claim is part of the transaction that writes the post, so that no worker comes between.
"""

from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.bootstrap import Services
from core.errors import CoreError, ServiceUnavailable
from core.jobs.executor import execute_claim
from core.jobs.job_type import Claim, RunReport
from core.jobs.recorder import record_results
from core.jobs.runner import claim_and_prepare
from core.post_state.settle import PostState
from core.post_state.step_state import INLINE
from core.post_state.transitions import end_one_post
from core.publishing.job_types import PUBLISH_JOB, StepValue
from core.publishing.preflight import AccessTokenRefused, PreflightPassed
from db.posts.posts import Post, Posts
from db.session import Database, Session


def claim_inline(session: Session, post: Post) -> Claim[StepValue] | None:
    """The post claimed for us; None if a worker was faster."""
    post.memo = {**post.memo, INLINE: True}
    session.flush()
    return next(iter(claim_and_prepare(PUBLISH_JOB, session, limit=1, row_id=post.id)), None)


def run_inline(database: Database, services: Services, claim: Claim[StepValue]) -> None:
    """Until the platform has been told: what is agreed on is started, and a token that it refused
    is renewed once.

    Errors: NeedsReconnect, and the post has failed with it.
    """
    next_claim: Claim[StepValue] | None = claim
    has_renewed = False
    while next_claim is not None:
        result = run_one_step(database, services, next_claim)
        if isinstance(result, AccessTokenRefused) and not has_renewed:
            has_renewed = True
            if not renew_access_token(database, services, claim, result.access):
                return
        elif not isinstance(result, PreflightPassed):
            return
        next_claim = claim_next_step(database, claim.id)


def run_one_step(database: Database, services: Services, claim: Claim[StepValue]) -> object:
    """What came of one step, if it came to anything."""
    outcome = execute_claim(PUBLISH_JOB, claim, services)
    record_results(PUBLISH_JOB, database, services, [(claim, outcome)], RunReport())
    return outcome.value if isinstance(outcome, StepValue) else None


def renew_access_token(
    database: Database, services: Services, claim: Claim[StepValue], refused_token: AccessToken
) -> bool:
    """Whether it can be tried again. Errors: NeedsReconnect, and the post has failed with it."""
    try:
        get_or_refresh_token(
            database, services, refused_token.account_id, refused_token=refused_token
        )
    except ServiceUnavailable:
        return False  # it is queued, or fails for want of an answer: whoever concludes will see
    except CoreError as error:
        fail_queued_post(database, claim.id, error)
        raise
    return True


def claim_next_step(database: Database, post_id: int) -> Claim[StepValue] | None:
    """Its next step; None if a worker has it, or it has ended meanwhile."""
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
