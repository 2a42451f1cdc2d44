"""What errors and statuses of a container mean for the part of a post that it is.

A part's own fault is said of the part, so that a carousel names the item; a fault of the account
or of the whole call is raised.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from platforms.errors import NotReadable, PlatformError, Rejected
from platforms.instagram.container_calls import ContainerReport
from platforms.instagram.containers import ContainerState, is_alive
from platforms.instagram.error_meaning import FollowUp
from platforms.instagram.publishing_errors import (
    EXPIRED_CODE,
    NEW_PART_CODES,
    find_status_meaning,
)
from platforms.publishing import (
    PartDiscarded,
    PartFailed,
    PartReported,
    PostVisible,
    Publication,
    StepResult,
    WaitFor,
)

ACCOUNT_CODES = frozenset(
    {
        "account_restricted",
        "capability_missing",
        "not_readable",
        "permission_missing",
        "unknown_path",
    }
)
"""Refusals that are about the account or the application, whichever part was sent."""


FETCH_FAULT_CODES = frozenset({"media_download_timeout", "media_not_fetchable"})
FETCH_WAITS = (timedelta(minutes=2), timedelta(minutes=15))
"""Waits before the second and the third container: the host of the file may answer by then."""

NOBODY_WAITS_AFTER = timedelta(minutes=5)  # since the request: before, a person waits


def result_of_error(position: int, error: PlatformError) -> StepResult | None:
    """Return what an error means for the part; None if it is about more than the part."""
    if error.code in NEW_PART_CODES:
        return PartDiscarded(position, error.code, str(error))
    is_own_fault = isinstance(error, Rejected) and not isinstance(error, NotReadable)
    if is_own_fault and error.code not in ACCOUNT_CODES:
        return PartFailed(position, error.code, str(error))
    return None


def results_of_report(position: int, report: ContainerReport) -> list[StepResult]:
    """Return what a container's status means. One that is published makes the post visible."""
    if report.status is ContainerState.EXPIRED:
        return [PartDiscarded(position, EXPIRED_CODE, report.text or "")]
    if report.status is ContainerState.ERROR:
        meaning = find_status_meaning(report.text)
        kind = PartDiscarded if meaning.then is FollowUp.NEW_PART else PartFailed
        return [kind(position, meaning.code, report.text or "")]
    reported = PartReported(position, report.status, report.text)
    if report.status is ContainerState.PUBLISHED:
        return [reported, PostVisible()]
    return [reported]


def result_of_unreadable(publication: Publication, position: int, error: NotReadable) -> StepResult:
    """Wait for a container that cannot be read until it expires: the fault may pass."""
    if is_alive(publication.get_part(position), publication):
        return WaitFor(None, "Instagram does not show the container")
    return PartDiscarded(position, EXPIRED_CODE, str(error))


def collect_results(
    results: Iterable[StepResult], errors: Sequence[PlatformError]
) -> list[StepResult]:
    """Return the results of the parts. Errors: the first one, if no part has a result.

    Otherwise the next run meets the error again, and what was made is not lost.
    """
    collected = list(results)
    if not collected and errors:
        raise errors[0]
    return collected


def with_fetch_wait(publication: Publication, results: Sequence[StepResult]) -> list[StepResult]:
    """Append a wait if Instagram could not fetch a file of a post that nobody waits for."""
    faulty = [
        publication.get_part(result.position)
        for result in results
        if isinstance(result, PartDiscarded) and result.code in FETCH_FAULT_CODES
    ]
    if not faulty or publication.now - publication.created_at < NOBODY_WAITS_AFTER:
        return list(results)
    tries = max(0 if part is None else part.tries for part in faulty)
    wait = FETCH_WAITS[min(tries, len(FETCH_WAITS) - 1)]
    return [*results, WaitFor(wait, "the address of a file did not answer")]


def with_wait(results: Sequence[StepResult], *, reason: str) -> list[StepResult]:
    """Append a wait by the schedule of polls, if a part is not ready."""
    has_wait = any(isinstance(result, WaitFor) for result in results)
    is_unready = any(
        isinstance(result, PartReported) and result.status == ContainerState.IN_PROGRESS
        for result in results
    )
    return [*results, WaitFor(None, reason)] if is_unready and not has_wait else list(results)
