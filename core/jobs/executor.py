"""The middle of the engine: jobs performed, by as many threads as their kind has. Holds no row."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Generic

from core.bootstrap import Services
from core.jobs.job_type import Claim, Job, JobType, Outcome
from core.outcomes import Failure, Snooze, failure_from_error
from db.leases import Row

RESULT_BATCH_SECONDS = (
    0.01  # seconds an answer waits for those that come with it, to be recorded with them
)

FetchMore = Callable[[int], list[Claim[Job]]]


def fetch_nothing(_limit: int) -> list[Claim[Any]]:
    return []


class ClaimSource(Generic[Job]):
    """The claims of one shift: a first batch, filled up again for a `stint` of seconds before any
    thread has nothing to do, since the slowest answer must not keep the others waiting.
    """

    def __init__(self, fetch: Callable[[int], list[Claim[Job]]], *, time_budget: float) -> None:
        self._fetch, self._deadline = fetch, time.monotonic() + time_budget
        self.claimed_count, self.has_more = 0, False

    def fetch(self, limit: int) -> list[Claim[Job]]:
        claims = self._fetch(limit)
        self.claimed_count, self.has_more = self.claimed_count + len(claims), len(claims) == limit
        return claims

    def fetch_more(self, limit: int) -> list[Claim[Job]]:
        return self.fetch(limit) if self.has_more and time.monotonic() < self._deadline else []


def execute_all(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    services: Services,
    fetch_more: FetchMore[Job] = fetch_nothing,
) -> Iterator[list[tuple[Claim[Job], Outcome | Failure | Snooze]]]:
    """Results as they come, all that are there at once: those are recorded before more is waited
    for, so that a kill costs no answer that somebody had time to write down.

    First those that need no performance: who is to be parked must not wait for others' calls.
    """
    settled = [claim for claim in claims if isinstance(claim.job, Failure | Snooze)]
    pending = [claim for claim in claims if not isinstance(claim.job, Failure | Snooze)]
    execute = partial(execute_with_claim, job_type, services)
    if settled:
        results = list(map(execute, settled))
        yield results
    if job_type.pool_size > 1 and len(pending) > 1:
        yield from execute_in_threads(job_type, pending, services, fetch_more)
    elif job_type.lightweight:  # calls nobody
        results = list(map(execute, pending))
        yield results
    else:
        yield from execute_one_by_one(job_type, pending, execute, fetch_more)


def execute_one_by_one(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    execute: Callable[[Claim[Job]], tuple[Claim[Job], Outcome | Failure | Snooze]],
    fetch_more: FetchMore[Job],
) -> Iterator[list[tuple[Claim[Job], Outcome | Failure | Snooze]]]:
    """Each is recorded before the next begins: what became due by it is found at once."""
    while claims:
        for result in map(execute, claims):
            yield [result]
        claims = fetch_more(job_type.batch_size)


def execute_in_threads(
    job_type: JobType[Row, Job, Outcome],
    claims: list[Claim[Job]],
    services: Services,
    fetch_more: FetchMore[Job],
) -> Iterator[list[tuple[Claim[Job], Outcome | Failure | Snooze]]]:
    threads = ThreadPoolExecutor(job_type.pool_size, thread_name_prefix=job_type.kind)

    def submit_claim(claim: Claim[Job]) -> Future[Any]:
        return threads.submit(execute_with_claim, job_type, services, claim)

    try:
        waiting = set(map(submit_claim, claims))
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            also_finished, waiting = wait(waiting, timeout=RESULT_BATCH_SECONDS)
            yield [future.result() for future in finished | also_finished]
            if len(waiting) <= job_type.batch_size - job_type.pool_size:
                waiting |= set(map(submit_claim, fetch_more(job_type.batch_size - len(waiting))))
    finally:
        threads.shutdown(cancel_futures=True)  # out of time, or nowhere to write: begin no more


def execute_with_claim(
    job_type: JobType[Row, Job, Outcome], services: Services, claim: Claim[Job]
) -> tuple[Claim[Job], Outcome | Failure | Snooze]:
    return claim, execute_claim(job_type, claim, services)


def execute_claim(
    job_type: JobType[Row, Job, Outcome], claim: Claim[Job], services: Services
) -> Outcome | Failure | Snooze:
    if isinstance(claim.job, Failure | Snooze):
        return claim.job
    try:
        return job_type.execute(claim.job, services)
    except Snooze as snooze:
        return snooze
    except Exception as error:
        return failure_from_error(error, job_type.kind, claim.id)
