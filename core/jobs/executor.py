"""Execute the jobs of a batch, in threads if the kind calls the network and has a pool.

Nothing here has access to the database.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import partial
from typing import Any, Generic

from core.bootstrap import Services
from core.jobs.job_type import Claim, ClaimResult, Job, JobType, Outcome
from core.observability.telemetry import bind_log_fields
from core.observability.tracing import record_span
from core.outcomes import Failure, Snooze, failure_from_error
from db.leases import Row

RESULT_BATCH_SECONDS = 0.02
"""How long a finished job waits for others, so that they are recorded in one transaction."""

FetchClaims = Callable[[int], list[Claim[Job]]]
"""Claims rows; the argument is how many at most."""


def fetch_nothing(_limit: int) -> list[Claim[Any]]:
    return []


def is_never_stopping() -> bool:
    return False


class ClaimSource(Generic[Job]):
    """Fetches the claims of one run: a first batch, and more until the time budget is used up.

    More are fetched before any thread is idle, so that the slowest call does not delay the others.
    """

    def __init__(
        self,
        claim_rows: FetchClaims[Job],
        *,
        time_budget: float,
        is_stopping: Callable[[], bool] = is_never_stopping,
    ) -> None:
        """Units: `time_budget` in seconds, from now."""
        self._claim_rows = claim_rows
        self._is_stopping = is_stopping
        self._deadline = time.monotonic() + time_budget
        self._has_more = False
        self.claimed_count = 0

    @property
    def has_more(self) -> bool:
        """Whether more rows are probably due: the last claim was full, or some are due again."""
        return self._has_more

    def fetch(self, limit: int) -> list[Claim[Job]]:
        claims = self._claim_rows(limit)
        self.claimed_count += len(claims)
        self._has_more = len(claims) == limit
        return claims

    def fetch_more(self, limit: int) -> list[Claim[Job]]:
        """Fetch again, if more rows are due, the time budget lasts and the process is to go on."""
        is_within_budget = time.monotonic() < self._deadline and not self._is_stopping()
        return self.fetch(limit) if self._has_more and is_within_budget else []

    def expect_more(self) -> None:
        """Remember that some of the recorded rows are due again immediately."""
        self._has_more = True


def execute_all(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    services: Services,
    fetch_more: FetchClaims[Job] = fetch_nothing,
) -> Iterator[list[ClaimResult[Job, Outcome]]]:
    """Execute the claims and yield their results in groups, as soon as they are finished.

    The caller records each group before it asks for the next one, so that a killed worker loses no
    result that could have been recorded. Claims without a job come first: a row that is only to be
    parked does not wait for the calls of others.
    """
    without_job = [claim for claim in claims if isinstance(claim.job, Failure | Snooze)]
    pending = [claim for claim in claims if not isinstance(claim.job, Failure | Snooze)]
    execute = partial(execute_with_claim, job_type, services)
    # `partial`, and assigned before they are yielded: else mypy infers another type of outcome.
    if without_job:
        results = list(map(execute, without_job))
        yield results
    if not job_type.calls_network:
        results = list(map(execute, pending))
        yield results
    elif job_type.pool_size > 1 and len(pending) > 1:
        yield from execute_in_threads(job_type, pending, services, fetch_more)
    else:
        yield from execute_one_by_one(job_type, pending, services, fetch_more)


def execute_one_by_one(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    services: Services,
    fetch_more: FetchClaims[Job],
) -> Iterator[list[ClaimResult[Job, Outcome]]]:
    """Execute one job at a time. The caller records its result before the next one begins, so that
    `fetch_more` also finds what the result has made due.
    """
    while claims:
        for claim in claims:
            result = execute_with_claim(job_type, services, claim)
            yield [result]
        claims = fetch_more(job_type.batch_size)


def execute_in_threads(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    services: Services,
    fetch_more: FetchClaims[Job],
) -> Iterator[list[ClaimResult[Job, Outcome]]]:
    """Keep all threads busy: fetch more as soon as one more pool of jobs fits into the batch."""
    threads = ThreadPoolExecutor(job_type.pool_size, thread_name_prefix=job_type.kind)
    execute = partial(execute_with_claim, job_type, services)

    def submit(claims: list[Claim[Job]]) -> set[Future[ClaimResult[Job, Outcome]]]:
        # A thread begins without the context of the run, which has its correlation id.
        return {threads.submit(copy_context().run, execute, claim) for claim in claims}

    try:
        running = submit(claims)
        while running:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            also_finished, running = wait(running, timeout=RESULT_BATCH_SECONDS)
            yield [future.result() for future in finished | also_finished]
            free_capacity = job_type.batch_size - len(running)
            if free_capacity >= job_type.pool_size:
                running |= submit(fetch_more(free_capacity))
    finally:
        # After a time limit, or when results cannot be recorded, nothing more is started.
        threads.shutdown(cancel_futures=True)


def execute_with_claim(
    job_type: JobType[Row, Job, Outcome], services: Services, claim: Claim[Job]
) -> ClaimResult[Job, Outcome]:
    """Execute one job; its log lines and its span have the ids of its row."""
    if not job_type.calls_network:
        return claim, execute_claim(job_type, claim, services)
    span = record_span(f"job {job_type.kind}", parent=claim.trace_parent, **claim.log_fields)
    with bind_log_fields(claim.log_fields), span:
        return claim, execute_claim(job_type, claim, services)


def execute_claim(
    job_type: JobType[Row, Job, Outcome], claim: Claim[Job], services: Services
) -> Outcome | Failure | Snooze:
    """Execute one job; an exception becomes the value that says what follows from it."""
    if isinstance(claim.job, Failure | Snooze):
        return claim.job
    try:
        return job_type.execute(claim.job, services)
    except Snooze as snooze:
        return snooze
    except Exception as error:  # noqa: BLE001 - whatever it is becomes the outcome of the attempt
        return failure_from_error(error, job_type.kind, claim.id)
