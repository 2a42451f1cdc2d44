"""Numbers as due work: one question of one account per claim. Opens no token but in `perform`.

`STEPS` is the table: how each is asked, and what is written down of the answer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from core.accounts.tokens import get_access_token, report_refused_token
from core.backoff import RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.errors import NotConnected
from core.insights import sampling_steps
from core.insights.enrol import enrol_accounts
from core.insights.sampling_schedule import DAY, HOUR
from core.insights.sampling_steps import (
    SamplingDenied,
    SamplingJob,
    StepAnswer,
    TokenRefused,
    find_insights_adapter,
    next_sampling_job,
)
from core.jobs.job_type import JobType
from core.jobs.run_due import run_due_rows
from core.observability import metrics
from core.outcomes import Failure, Park, Reschedule, Snooze
from db.accounts.accounts import Account, Accounts
from db.accounts.grants import Grants
from db.insights.schedule import SAMPLING_QUEUE, SamplingSchedule
from db.insights.videos import Videos
from db.session import Database, Session, database_now
from platforms.errors import RateLimited, Rejected, TokenExpired
from platforms.insights_base import Insights
from platforms.secret import Secret

PERMISSION_ERROR_CODES = frozenset({"scope_not_authorized", "scope_permission_missed"})
EXHAUSTED_RETRY_DELAY = HOUR  # between tries once patience is spent: numbers may come back any time
PERMISSION_RETRY_DELAY = DAY  # after which we see whether we may ask again

log = structlog.get_logger(__name__)


class SamplingStep(NamedTuple):
    fetch: Callable[[Insights, Secret, SamplingJob], Any]
    record: Callable[[Session, SamplingSchedule, Account, StepAnswer], None]


SAMPLING_STEPS = {
    "listing": SamplingStep(sampling_steps.fetch_video_page, sampling_steps.record_video_page),
    "counting": SamplingStep(sampling_steps.fetch_known_videos, sampling_steps.record_known_videos),
    "totals": SamplingStep(
        sampling_steps.fetch_account_totals, sampling_steps.record_account_totals
    ),
}

SamplingOutcome = StepAnswer | SamplingDenied | TokenRefused


def prepare_sampling(session: Session, watch: SamplingSchedule) -> SamplingJob:
    access_token = get_access_token(session, watch.oauth_account_id)
    account = Accounts(session).get(watch.oauth_account_id)
    if account is None:
        raise NotConnected
    return next_sampling_job(session, watch, account, access_token)


def execute_sampling(job: SamplingJob, services: Services) -> SamplingOutcome:
    insights = find_insights_adapter(services, job.provider)
    if job.step not in SAMPLING_STEPS:
        return StepAnswer(job, None, services.jitter())
    wait = services.rate_limits.acquire(job.access_token.account_id, "reads")
    if wait:
        raise Snooze(wait, "read limit of the platform")
    token = job.access_token.decrypt(services)
    with measure_request(job):
        try:
            return StepAnswer(
                job, SAMPLING_STEPS[job.step].fetch(insights, token, job), services.jitter()
            )
        except TokenExpired:
            return TokenRefused(job.access_token)
        except RateLimited as error:
            services.rate_limits.block(job.access_token.account_id, "reads", error.retry_after)
            raise
        except Rejected as error:
            if error.code not in PERMISSION_ERROR_CODES:
                raise
            return SamplingDenied(job, error.code)


@contextmanager
def measure_request(job: SamplingJob) -> Iterator[None]:
    """One question: answered or not, and how long it took."""
    started, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "answered"
    finally:
        labels = (job.provider, job.step, outcome)
        metrics.with_labels(metrics.INSIGHTS_FETCHES, *labels).inc()
        metrics.with_labels(metrics.INSIGHTS_SECONDS, *labels).observe(time.monotonic() - started)


def record_sampling(
    session: Session, watch: SamplingSchedule, outcome: SamplingOutcome
) -> Reschedule:
    """Of an account that was let go meanwhile nothing is kept."""
    if isinstance(outcome, TokenRefused):
        report_refused_token(session, outcome.access_token)
    account = Accounts(session).get(watch.oauth_account_id)
    if account is None or account.disconnected_at is not None:
        return Reschedule(None)
    if isinstance(outcome, SamplingDenied):
        postpone_denied_step(session, watch, outcome)
    elif outcome.job.step in SAMPLING_STEPS:
        SAMPLING_STEPS[outcome.job.step].record(session, watch, account, outcome)
        watch.problem = watch.problem if outcome.job.step == "totals" else None
    return Reschedule(next_due_delay(session, watch))


def postpone_denied_step(
    session: Session, watch: SamplingSchedule, outcome: SamplingDenied
) -> None:
    """It may be asked again tomorrow; whatever else may be asked goes on."""
    at, step = database_now(session), outcome.job.step
    log.warning("insights.denied", account=watch.oauth_account_id, step=step, code=outcome.code)
    if step == "totals":
        watch.totals_due_at = at + PERMISSION_RETRY_DELAY
        return
    watch.problem, watch.list_cursor = outcome.code, None
    watch.list_due_at = at + PERMISSION_RETRY_DELAY
    Videos(session).postpone(watch.oauth_account_id, PERMISSION_RETRY_DELAY)


def next_due_delay(session: Session, watch: SamplingSchedule) -> timedelta:
    """Until the first of its questions is due."""
    session.flush()
    videos = Videos(session).next_due_at(watch.oauth_account_id)
    times = (watch.list_due_at, watch.totals_due_at, videos)
    return max(
        min(time for time in times if time is not None) - database_now(session), timedelta(0)
    )


def on_sampling_retry(_session: Session, watch: SamplingSchedule, reason: Failure | Snooze) -> None:
    """A watch that is held says why; it is opened again with its account, or by a setting."""
    if isinstance(reason, Park):
        watch.problem = str(reason)


def on_sampling_exhausted(_session: Session, watch: SamplingSchedule, failure: Failure) -> None:
    """Nothing is lost but samples. Of an account that is gone there is nothing to ask."""
    watch.problem, watch.list_cursor = failure.code, None
    if failure.code != NotConnected.code:
        watch.due_at = Grants.now() + EXHAUSTED_RETRY_DELAY
        watch.attempts = SAMPLING_RETRY_POLICY.max_attempts - 1


SAMPLING_RETRY_POLICY = RetryPolicy(seconds(5, 15, 30, 60) + minutes(2, 5, 15, 30, 60))

SAMPLING_JOB: JobType[SamplingSchedule, SamplingJob, SamplingOutcome] = JobType(
    kind="insights",
    wake_kind="insights",
    queue=SAMPLING_QUEUE,
    prepare=prepare_sampling,
    execute=execute_sampling,
    record=record_sampling,
    on_exhausted=on_sampling_exhausted,
    on_retry=on_sampling_retry,
    policy=SAMPLING_RETRY_POLICY,
    lease=timedelta(seconds=90),
    batch_size=16,
    pool_size=8,
)


# MERGED core.insights.sweep: Numbers that are due, right now, for somebody who waits to hear how it went.


@dataclass(frozen=True)
class FailedSample:
    account_id: int
    code: str


@dataclass
class SamplingSummary:
    """Questions: answered, put off, refused or failed."""

    answered: int = 0
    skipped: int = 0
    failures: list[FailedSample] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.answered + self.skipped + len(self.failures)

    def add_outcome(
        self, watch: SamplingSchedule, outcome: SamplingOutcome | Failure | Snooze
    ) -> None:
        if isinstance(outcome, SamplingDenied | Failure):
            self.failures.append(FailedSample(watch.oauth_account_id, outcome.code))
        elif isinstance(outcome, Snooze):
            self.skipped += 1
        else:
            self.answered += 1


def sample_due_insights(database: Database, services: Services) -> SamplingSummary:
    """At most `INSIGHTS_BATCH` questions, within a minute."""
    enrol_accounts(database, services)
    summary, limit = SamplingSummary(), services.settings.limits.insights_batch_size
    run_due_rows(
        SAMPLING_JOB,
        database,
        services,
        count_remaining=lambda: limit - summary.total,
        on_result=summary.add_outcome,
    )
    return summary
