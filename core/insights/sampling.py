"""The job type that samples insights: one request about one account per claim.

`SAMPLING_STEPS` lists how each step fetches from the platform and records the response.
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
    COUNTING,
    LISTING,
    TOTALS,
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
from platforms.insights_base import AccountAccess, Insights

PERMISSION_ERROR_CODES = frozenset({"scope_not_authorized", "scope_permission_missed"})
EXHAUSTED_RETRY_DELAY = HOUR  # between attempts after the retry policy is exhausted
PERMISSION_RETRY_DELAY = DAY  # before a step is repeated that lacked a permission

log = structlog.get_logger(__name__)


class SamplingStep(NamedTuple):
    fetch: Callable[[Insights, AccountAccess, SamplingJob], Any]
    record: Callable[[Session, SamplingSchedule, Account, StepAnswer], None]


SAMPLING_STEPS = {
    LISTING: SamplingStep(
        fetch=sampling_steps.fetch_video_page, record=sampling_steps.record_video_page
    ),
    COUNTING: SamplingStep(
        fetch=sampling_steps.fetch_known_videos, record=sampling_steps.record_known_videos
    ),
    TOTALS: SamplingStep(
        fetch=sampling_steps.fetch_account_totals, record=sampling_steps.record_account_totals
    ),
}

SamplingOutcome = StepAnswer | SamplingDenied | TokenRefused

SAMPLING_RETRY_POLICY = RetryPolicy(seconds(5, 15, 30, 60) + minutes(2, 5, 15, 30, 60))


class SamplingJobType(JobType[SamplingSchedule, SamplingJob, SamplingOutcome]):
    """Samples the insights of one account. The row is its sampling schedule."""

    kind = "insights"
    queue = SAMPLING_QUEUE
    retry_policy = SAMPLING_RETRY_POLICY
    lease = timedelta(seconds=90)
    batch_size = 16
    pool_size = 8

    def prepare(self, session: Session, schedule: SamplingSchedule) -> SamplingJob:
        """Build the job of the step that is due. Errors: NotConnected; Snooze; Park."""
        access_token = get_access_token(session, schedule.oauth_account_id)
        account = Accounts(session).get(schedule.oauth_account_id)
        if account is None:
            raise NotConnected
        return next_sampling_job(session, schedule, account, access_token)

    def execute(self, job: SamplingJob, services: Services) -> SamplingOutcome:
        """Fetch from the platform. Errors: Park if insights are off; Snooze at the rate limit."""
        insights = find_insights_adapter(services, job.provider)
        if job.step not in SAMPLING_STEPS:
            return StepAnswer(job, None, services.jitter())
        wait = services.rate_limits.acquire(job.access_token.account_id, "reads")
        if wait:
            raise Snooze(wait, "rate limit for reads from the platform")
        access = AccountAccess(job.access_token.decrypt(services), job.scopes)
        with measure_request(job):
            try:
                return StepAnswer(
                    job, SAMPLING_STEPS[job.step].fetch(insights, access, job), services.jitter()
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

    def record(
        self, session: Session, schedule: SamplingSchedule, outcome: SamplingOutcome
    ) -> Reschedule:
        """Record the response; nothing is stored if the account was disconnected meanwhile."""
        if isinstance(outcome, TokenRefused):
            report_refused_token(session, outcome.access_token)
        account = Accounts(session).get(schedule.oauth_account_id)
        if account is None or account.disconnected_at is not None:
            return Reschedule(None)
        if isinstance(outcome, SamplingDenied):
            postpone_denied_step(session, schedule, outcome)
        elif outcome.job.step in SAMPLING_STEPS:
            SAMPLING_STEPS[outcome.job.step].record(session, schedule, account, outcome)
            if outcome.job.step != TOTALS:
                schedule.problem = None
        return Reschedule(next_due_delay(session, schedule))

    def on_retry(
        self, _session: Session, schedule: SamplingSchedule, reason: Failure | Snooze
    ) -> None:
        """Store why a schedule is parked. `enrol_accounts` resumes it when that is over."""
        if isinstance(reason, Park):
            schedule.problem = str(reason)

    def on_exhausted(self, _session: Session, schedule: SamplingSchedule, failure: Failure) -> None:
        """Try again after an hour: only samples are lost. A disconnected account is not retried."""
        schedule.problem = failure.code
        schedule.list_cursor = None
        if failure.code != NotConnected.code:
            schedule.due_at = Grants.now() + EXHAUSTED_RETRY_DELAY
            schedule.attempts = SAMPLING_RETRY_POLICY.max_attempts - 1


SAMPLING_JOB_TYPE = SamplingJobType()


@contextmanager
def measure_request(job: SamplingJob) -> Iterator[None]:
    """Count the request in the metrics, with its outcome and its duration."""
    started = time.monotonic()
    outcome = "failed"
    try:
        yield
        outcome = "answered"
    finally:
        labels = (job.provider, job.step, outcome)
        metrics.with_labels(metrics.INSIGHTS_FETCHES, *labels).inc()
        metrics.with_labels(metrics.INSIGHTS_SECONDS, *labels).observe(time.monotonic() - started)


def postpone_denied_step(
    session: Session, schedule: SamplingSchedule, outcome: SamplingDenied
) -> None:
    """Repeat the denied step after `PERMISSION_RETRY_DELAY`; the other steps go on."""
    at = database_now(session)
    step = outcome.job.step
    log.warning(
        "insights.permission_denied",
        account=schedule.oauth_account_id,
        step=step,
        code=outcome.code,
    )
    if step == TOTALS:
        schedule.totals_due_at = at + PERMISSION_RETRY_DELAY
        return
    schedule.problem = outcome.code
    schedule.list_cursor = None
    schedule.list_due_at = at + PERMISSION_RETRY_DELAY
    Videos(session).postpone(schedule.oauth_account_id, PERMISSION_RETRY_DELAY)


def next_due_delay(session: Session, schedule: SamplingSchedule) -> timedelta:
    """Return the delay until the first step of the account is due."""
    session.flush()
    videos_due_at = Videos(session).next_due_at(schedule.oauth_account_id)
    due_times = [schedule.list_due_at, schedule.totals_due_at]
    if videos_due_at is not None:
        due_times.append(videos_due_at)
    return max(min(due_times) - database_now(session), timedelta(0))


@dataclass(frozen=True)
class FailedSample:
    account_id: int
    code: str


@dataclass
class SamplingSummary:
    """Counts of a manual run: requests answered, skipped for now, and refused or failed."""

    answered: int = 0
    skipped: int = 0
    failures: list[FailedSample] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.answered + self.skipped + len(self.failures)

    def add_outcome(
        self, schedule: SamplingSchedule, outcome: SamplingOutcome | Failure | Snooze
    ) -> None:
        if isinstance(outcome, SamplingDenied | Failure):
            self.failures.append(FailedSample(schedule.oauth_account_id, outcome.code))
        elif isinstance(outcome, Snooze):
            self.skipped += 1
        else:
            self.answered += 1


def sample_due_insights(database: Database, services: Services) -> SamplingSummary:
    """Sample what is due, for the CLI and the cron endpoint: at most `INSIGHTS_BATCH` requests."""
    enrol_accounts(database, services)
    summary = SamplingSummary()
    limit = services.settings.limits.insights_batch_size
    run_due_rows(
        SAMPLING_JOB_TYPE,
        database,
        services,
        count_remaining=lambda: limit - summary.total,
        on_result=summary.add_outcome,
    )
    return summary
