"""Numbers as due work: one question of one account per claim. Opens no token but in `perform`.

`STEPS` is the table: how each is asked, and what is written down of the answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from core.accounts.tokens import access, refused
from core.backoff import Policy, minutes, seconds
from core.engine.kinds import Work
from core.errors import NotConnected
from core.insights import counting, listing, totals
from core.insights.question import Denied, Job, NoToken, Told, question, source
from core.insights.rhythm import DAY, HOUR
from core.outcomes import Again, Failure, Held, Later
from core.watch import metrics
from core.wiring import World
from db.accounts import Account, Accounts
from db.grants import Grants
from db.session import Session, now
from db.videos import Videos
from db.watches import WATCHES, Watch
from platforms.errors import RateLimited, Rejected, TokenExpired
from platforms.numbers import Insights
from platforms.secret import Secret

REFUSALS = frozenset({"scope_not_authorized", "scope_permission_missed"})
REST = HOUR  # between tries once patience is spent: numbers may come back any time
PERMITTED = DAY  # after which we see whether we may ask again

log = structlog.get_logger(__name__)


class Step(NamedTuple):
    ask: Callable[[Insights, Secret, Job], Any]
    record: Callable[[Session, Watch, Account, Told], None]


STEPS = {
    "listing": Step(listing.ask, listing.record),
    "counting": Step(counting.ask, counting.record),
    "totals": Step(totals.ask, totals.record),
}

Outcome = Told | Denied | NoToken


def brief(session: Session, watch: Watch) -> Job:
    used = access(session, watch.oauth_account_id)
    account = Accounts(session).get(watch.oauth_account_id)
    if account is None:
        raise NotConnected
    return question(session, watch, account, used)


def perform(job: Job, world: World) -> Outcome:
    insights = source(world, job.provider)
    if job.step not in STEPS:
        return Told(job, None, world.dice())
    wait = world.limits.take(job.access.account_id, "reads")
    if wait:
        raise Later(wait, "read limit of the platform")
    token = job.access.open(world)
    with counted(job):
        try:
            return Told(job, STEPS[job.step].ask(insights, token, job), world.dice())
        except TokenExpired:
            return NoToken(job.access)
        except RateLimited as error:
            world.limits.block(job.access.account_id, "reads", error.retry_after)
            raise
        except Rejected as error:
            if error.code not in REFUSALS:
                raise
            return Denied(job, error.code)


@contextmanager
def counted(job: Job) -> Iterator[None]:
    """One question: answered or not, and how long it took."""
    began, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "answered"
    finally:
        what = (job.provider, job.step, outcome)
        metrics.of(metrics.INSIGHTS_FETCH, *what).inc()
        metrics.of(metrics.INSIGHTS_SECONDS, *what).observe(time.monotonic() - began)


def record(session: Session, watch: Watch, outcome: Outcome) -> Again:
    """Of an account that was let go meanwhile nothing is kept."""
    if isinstance(outcome, NoToken):
        refused(session, outcome.access)
    account = Accounts(session).get(watch.oauth_account_id)
    if account is None or account.disconnected_at is not None:
        return Again(None)
    if isinstance(outcome, Denied):
        denied(session, watch, outcome)
    elif outcome.job.step in STEPS:
        STEPS[outcome.job.step].record(session, watch, account, outcome)
        watch.problem = watch.problem if outcome.job.step == "totals" else None
    return Again(left(session, watch))


def denied(session: Session, watch: Watch, outcome: Denied) -> None:
    """It may be asked again tomorrow; whatever else may be asked goes on."""
    at, step = now(session), outcome.job.step
    log.warning("insights.denied", account=watch.oauth_account_id, step=step, code=outcome.code)
    if step == "totals":
        watch.totals_due_at = at + PERMITTED
        return
    watch.problem, watch.list_cursor = outcome.code, None
    watch.list_due_at = at + PERMITTED
    Videos(session).postpone(watch.oauth_account_id, PERMITTED)


def left(session: Session, watch: Watch) -> timedelta:
    """Until the first of its questions is due."""
    session.flush()
    videos = Videos(session).next_due(watch.oauth_account_id)
    times = (watch.list_due_at, watch.totals_due_at, videos)
    return max(min(time for time in times if time is not None) - now(session), timedelta(0))


def put_back(_session: Session, watch: Watch, why: Failure | Later) -> None:
    """A watch that is held says why; it is opened again with its account, or by a setting."""
    if isinstance(why, Held):
        watch.problem = str(why)


def give_up(_session: Session, watch: Watch, failure: Failure) -> None:
    """Nothing is lost but samples. Of an account that is gone there is nothing to ask."""
    watch.problem, watch.list_cursor = failure.code, None
    if failure.code != NotConnected.code:
        watch.due_at = Grants.now() + REST
        watch.attempts = POLICY.attempts - 1


POLICY = Policy(seconds(5, 15, 30, 60) + minutes(2, 5, 15, 30, 60))

WORK: Work[Watch, Job, Outcome] = Work(
    kind="insights",
    bell="insights",
    queue=WATCHES,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=16,
    pool=8,
)
