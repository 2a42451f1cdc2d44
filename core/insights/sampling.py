"""The job type that samples insights: one step about one account per claim.

`SAMPLING_STEPS` lists how each step fetches from the platform and records the response.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import structlog

from core.accounts.posting_tokens import report_refused_posting_token
from core.backoff import RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.errors import NotConnected
from core.insights import account_steps, comment_steps, item_steps, reply_steps
from core.insights.enrol import enrol_accounts
from core.insights.item_steps import PERMISSION_CODES
from core.insights.sampled_platforms import (
    INSIGHTS_OFF,
    are_insights_enabled,
    find_sampled_adapter,
    list_interval,
)
from core.insights.sampling_job import (
    AUDIENCE,
    COMMENTS,
    COUNTING,
    ENDING,
    LISTING,
    MENTIONS,
    METRIC_STEPS,
    REPLIES,
    TOTALS,
    SamplingCall,
    SamplingDenied,
    SamplingJob,
    StepAnswer,
    TokenRefused,
    find_due_times,
    next_sampling_job,
)
from core.insights.sampling_schedule import DAY, HOUR, pause_after_usage
from core.jobs.job_type import JobType
from core.jobs.run_due import run_due_rows
from core.observability import metrics
from core.outcomes import Failure, Park, Reschedule, Snooze
from db.accounts.accounts import Account, Accounts
from db.accounts.grants import Grants
from db.insights.items import SampledAccount
from db.insights.schedule import SAMPLING_QUEUE, SamplingSchedule, sampling_queue_of
from db.records.destinations import find_destination_store
from db.records.items import find_comment_store, find_mention_store, get_item_store
from db.session import Database, Session, database_now
from platforms.errors import RateLimited, Rejected, TokenExpired
from platforms.insights_base import AccountAccess
from platforms.usage_reports import collect_usage

EXHAUSTED_RETRY_DELAY = HOUR  # between attempts after the retry policy is exhausted
PERMISSION_RETRY_DELAY = DAY  # before a step is repeated that lacked a permission

log = structlog.get_logger(__name__)


class SamplingStep(NamedTuple):
    fetch: Callable[[SamplingCall], Any]
    record: Callable[[Session, SamplingSchedule, StepAnswer], None]


SAMPLING_STEPS = {
    LISTING: SamplingStep(item_steps.fetch_item_page, item_steps.record_item_page),
    ENDING: SamplingStep(item_steps.fetch_ending_page, item_steps.record_ending_page),
    COUNTING: SamplingStep(item_steps.fetch_known_items, item_steps.record_known_items),
    COMMENTS: SamplingStep(comment_steps.fetch_comment_page, comment_steps.record_comment_page),
    MENTIONS: SamplingStep(comment_steps.fetch_mention, comment_steps.record_mention),
    REPLIES: SamplingStep(reply_steps.search_reply, reply_steps.record_reply_search),
    TOTALS: SamplingStep(account_steps.fetch_account, account_steps.record_account),
    AUDIENCE: SamplingStep(account_steps.fetch_audience, account_steps.record_audience),
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

    def describe_row(self, schedule: SamplingSchedule) -> Mapping[str, Any]:
        return {"account": schedule.oauth_account_id}

    def prepare(self, session: Session, schedule: SamplingSchedule) -> SamplingJob:
        """Build the job of the step that is due. Errors: NotConnected; Snooze; Park."""
        if schedule.paused_until is not None:
            remaining = schedule.paused_until - database_now(session)
            if remaining > timedelta(0):
                raise Snooze(remaining, "most of the platform's call limit is used up")
        return next_sampling_job(session, schedule)

    def execute(self, job: SamplingJob, services: Services) -> SamplingOutcome:
        """Fetch from the platform. Errors: Park if insights are off; Snooze at the rate limit."""
        adapter, insights = find_sampled_adapter(services, job.provider)
        if job.step not in SAMPLING_STEPS:
            return StepAnswer(job, None, services.jitter(), services.now())
        if job.step in METRIC_STEPS and not are_insights_enabled(services, job.provider):
            return SamplingDenied(job, INSIGHTS_OFF)
        login_id, call_class = job.token.login.account_id, job.rules.call_class
        wait = services.rate_limits.acquire(login_id, call_class)
        if wait:
            raise Snooze(wait, "rate limit for reads from the platform")
        access = AccountAccess(
            job.token.decrypt(services),
            job.scopes,
            job.external_id,
            job.token.decrypt_fallback(services),
        )
        call = SamplingCall(job, adapter, insights, access, services.now())
        try:
            return run_step(call, services)
        except TokenExpired as error:
            return TokenRefused(job.token, error.code)
        except RateLimited as error:
            services.rate_limits.block(login_id, call_class, error.retry_after, error.code)
            if error.retry_after:
                raise Snooze(error.retry_after, "the platform's call limit is used up") from error
            raise
        except Rejected as error:
            if error.code not in PERMISSION_CODES:
                raise
            return SamplingDenied(job, error.code)

    def record(
        self, session: Session, schedule: SamplingSchedule, outcome: SamplingOutcome
    ) -> Reschedule:
        """Record the response; nothing is stored if the account was disconnected meanwhile."""
        if isinstance(outcome, TokenRefused):
            report_refused_posting_token(session, outcome.token, code=outcome.code)
        login = Accounts(session).get(schedule.oauth_account_id)
        if login is None or is_disconnected(session, login, schedule):
            return Reschedule(None)
        if isinstance(outcome, SamplingDenied):
            postpone_denied_step(session, schedule, outcome)
        elif outcome.job.step in SAMPLING_STEPS:
            SAMPLING_STEPS[outcome.job.step].record(session, schedule, outcome)
            if is_problem_over(outcome.job, schedule.problem):
                schedule.problem = None
            set_pause(session, schedule, outcome)
        return Reschedule(next_due_delay(session, schedule, login))

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


class PlatformSamplingJobType(SamplingJobType):
    """Samples the accounts of one platform only, for a run that was started by hand."""

    def __init__(self, provider: str) -> None:
        self.queue = sampling_queue_of(provider)


def run_step(call: SamplingCall, services: Services) -> StepAnswer:
    """Make the calls of a step, and note how much of the platform's call limits they left."""
    job = call.job
    with measure_request(job), collect_usage() as usage:
        value = SAMPLING_STEPS[job.step].fetch(call)
    return StepAnswer(
        job,
        value,
        services.jitter(),
        call.now,
        list_interval(services, job.provider),
        pause_after_usage(usage.percent, usage.regain),
    )


def set_pause(session: Session, schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Pause reading about the account while most of a call limit is used up, or go on."""
    pause = answer.pause
    schedule.paused_until = None if pause is None else database_now(session) + pause
    if pause is None:
        return
    metrics.INSIGHTS_PAUSES.labels(answer.job.provider).inc()
    log.warning(
        "insights.reading_paused",
        provider=answer.job.provider,
        account=schedule.oauth_account_id,
        destination=schedule.destination_id,
        step=answer.job.step,
        seconds=round(pause.total_seconds()),
    )


def is_disconnected(session: Session, login: Account, schedule: SamplingSchedule) -> bool:
    """Whether the account was disconnected, or belongs to another login by now."""
    if login.disconnected_at is not None:
        return True
    store = find_destination_store(session, login.provider)
    if schedule.destination_id is None or store is None:
        return False
    destination = store.get(schedule.destination_id)
    return (
        destination is None
        or destination.disconnected_at is not None
        or destination.account_id != login.id
    )


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


def reports_problem(job: SamplingJob) -> bool:
    """Whether the result of this step is shown as the account's: that with the posts' metrics."""
    if job.rules.has_detailed_metrics:
        return job.step == COUNTING
    return job.step not in {TOTALS, REPLIES}


def is_problem_over(job: SamplingJob, problem: str | None) -> bool:
    """Whether a success of this step ends the problem: one of metrics ends with metrics."""
    is_other = job.rules.has_detailed_metrics and problem not in PERMISSION_CODES
    return is_other or reports_problem(job)


def postpone_denied_step(
    session: Session, schedule: SamplingSchedule, outcome: SamplingDenied
) -> None:
    """Repeat the denied step after `PERMISSION_RETRY_DELAY`; the other steps go on."""
    job = outcome.job
    log.warning(
        "insights.permission_denied",
        account=schedule.oauth_account_id,
        step=job.step,
        code=outcome.code,
    )
    if reports_problem(job):
        schedule.problem = outcome.code
    retry_at = database_now(session) + PERMISSION_RETRY_DELAY
    if job.step == TOTALS:
        schedule.totals_due_at = retry_at
    elif job.step == AUDIENCE:
        schedule.audience_due_at = retry_at
    elif job.step == ENDING:
        schedule.ending_due_at = retry_at
    elif job.step in {COMMENTS, MENTIONS}:
        postpone_comments(session, job.account, job.step)
    else:
        get_item_store(session, job.provider).postpone(job.account, PERMISSION_RETRY_DELAY)
        if job.step == LISTING or not job.rules.has_detailed_metrics:
            schedule.list_cursor = None
            schedule.list_due_at = retry_at


def postpone_comments(session: Session, account: SampledAccount, step: str) -> None:
    find_store = find_comment_store if step == COMMENTS else find_mention_store
    store = find_store(session, account.provider)
    if store is not None:
        store.postpone(account, PERMISSION_RETRY_DELAY)


def next_due_delay(session: Session, schedule: SamplingSchedule, login: Account) -> timedelta:
    """Return the delay until the first step of the account is due."""
    session.flush()
    due_times = find_due_times(session, schedule, login).values()
    due_at = min(due for due in due_times if due is not None)
    if schedule.paused_until is not None:
        due_at = max(due_at, schedule.paused_until)
    return max(due_at - database_now(session), timedelta(0))


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


def sample_due_insights(
    database: Database, services: Services, *, provider: str | None = None
) -> SamplingSummary:
    """Sample what is due, for the CLI and the cron endpoint: at most `INSIGHTS_BATCH` steps.

    `provider` of None: of all platforms.
    """
    enrol_accounts(database, services)
    summary = SamplingSummary()
    limit = services.settings.limits.insights_batch_size
    run_due_rows(
        SAMPLING_JOB_TYPE if provider is None else PlatformSamplingJobType(provider),
        database,
        services,
        count_remaining=lambda: limit - summary.total,
        on_result=summary.add_outcome,
    )
    return summary
