"""The steps that make a post public, find out what became of it, and describe it.

Only `publish` may make a post visible. It asks for the container's status first, so that nothing
is published that is public already, and never repeats a call that may have had an effect.
"""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from platforms.errors import (
    NotReadable,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    TokenExpired,
)
from platforms.http import NO_RETRY
from platforms.insights_base import PublicItem
from platforms.instagram.container_calls import PublishingCalls
from platforms.instagram.containers import ContainerState
from platforms.instagram.kinds import POST_QUOTA
from platforms.instagram.match import find_candidates, has_rival, publish_began_at
from platforms.instagram.part_results import (
    result_of_error,
    result_of_unreadable,
    results_of_report,
    with_wait,
)
from platforms.instagram.publishing_errors import (
    EXPIRED_CODE,
    LIMIT_CODE,
    LIMIT_WAIT,
    NOT_READY_CODE,
    NOT_READY_WAIT,
    UNKNOWN_CONTAINER_CODE,
)
from platforms.publishing import (
    AbsenceReported,
    PartDiscarded,
    PartReported,
    PostVisible,
    Publication,
    QuotaReading,
    StepResult,
    WaitFor,
)

log = structlog.get_logger(__name__)

FIND_INTERVAL = timedelta(hours=1)
DETAILS_INTERVAL = timedelta(minutes=5)
UNKNOWN_CONTAINER_WAIT = timedelta(seconds=45)
"""Meta was observed to deny a container for up to two minutes that it then published."""

PATIENT_AGE = timedelta(minutes=3)  # of a container that is denied: younger ones are asked again
DENIED_TIME, MIN_ABSENCES = timedelta(minutes=5), 2
"""How long a container has to be denied, and how often no post of it may be listed before, until
another one is made.
"""

UNCLEAR = WaitFor(None, "it is not clear whether the post is public")


@dataclass(frozen=True)
class RecentSearch:
    """The posts that may be ours. `is_clear`: it is known whether one of them is."""

    candidates: tuple[PublicItem, ...]
    has_rival: bool

    @property
    def found(self) -> PublicItem | None:
        is_only = len(self.candidates) == 1 and not self.has_rival
        return self.candidates[0] if is_only else None


@dataclass(frozen=True)
class PublishSteps:
    """Runs these steps for one post."""

    publication: Publication
    calls: PublishingCalls

    def publish(self) -> list[StepResult]:
        """Publish the finished container. Unsafe.

        Errors: OutcomeUnknown and Unavailable if the post may be public; others before the call
        was made say so in `may_have_arrived`.
        """
        try:
            report = self.calls.fetch_container(self._handle, retry=NO_RETRY)
        except NotReadable as error:
            return [result_of_unreadable(self.publication, 0, error)]
        except PlatformError as error:
            error.may_have_arrived = False  # the publish call was not made
            raise
        if report.status is not ContainerState.FINISHED:
            return with_wait(results_of_report(0, report), reason="Instagram prepares the post")
        try:
            return [PostVisible(self.calls.publish_container(self._handle))]
        except PlatformError as error:
            return self._results_of_refusal(error)

    def find_outcome(self) -> list[StepResult]:
        """Find out whether a post is public whose publish call was not answered.

        Absence is said only if the platform still has the container unpublished, or denies it, and
        lists no post that could be ours; a list may lag behind, so core asks several times.
        """
        report, denial = None, None
        try:
            report = self.calls.fetch_container(self._handle)
        except NotReadable:
            pass
        except Rejected as error:
            if error.code not in {UNKNOWN_CONTAINER_CODE, EXPIRED_CODE}:
                raise
            denial = error
        search = self._search()
        if search.found is not None:
            return [visible_post(search.found)]
        if denial is not None and not search.candidates:
            return [self._result_of_denial(denial)]
        if report is None or report.status is ContainerState.IN_PROGRESS:
            return [UNCLEAR]
        reported = PartReported(0, report.status, report.text)
        if report.status is ContainerState.PUBLISHED:
            return [reported, PostVisible()]
        return [reported, UNCLEAR if search.candidates else AbsenceReported()]

    def find_post(self) -> list[StepResult]:
        """Look for a public post whose id is not known."""
        found = self._search().found
        if found is None:
            return [WaitFor(FIND_INTERVAL, "the post is public, its address is not known yet")]
        return [visible_post(found)]

    def fetch_details(self) -> list[StepResult]:
        """Read where a public post can be seen. A failure does not change that it is public.

        Errors: TokenExpired, RateLimited.
        """
        later = WaitFor(DETAILS_INTERVAL, "the post is public, its address is not known yet")
        try:
            item = self.calls.fetch_details(self.publication.post_ids[0])
        except (TokenExpired, RateLimited):
            raise
        except PlatformError as error:
            log.warning("instagram.details_failed", code=error.code)
            return [later]
        return [visible_post(item)] if item.url is not None else [visible_post(item), later]

    def check_limit(self) -> tuple[QuotaReading, ...]:
        """Return the limit of posts as the platform reports it.

        Errors: RateLimited `publishing_limit_reached`; TokenExpired.

        Other failures are logged only: the platform enforces its limit when it publishes.
        """
        try:
            limit = self.calls.fetch_limit()
        except (TokenExpired, RateLimited):
            raise
        except PlatformError as error:
            log.warning("instagram.limit_unreadable", code=error.code)
            return ()
        if limit.is_reached:
            message = f"{limit.used} of {limit.total} posts of this day are used up"
            raise RateLimited(message, code=LIMIT_CODE, retry_after=LIMIT_WAIT)
        return (QuotaReading(POST_QUOTA, limit.used, limit.total),)

    @property
    def _handle(self) -> str:
        """Errors: Rejected if the post has no container that could be published."""
        part = self.publication.get_part(0)
        if part is None or part.handle is None:
            raise Rejected("the post has no container", code=UNKNOWN_CONTAINER_CODE)
        return part.handle

    def _results_of_refusal(self, error: PlatformError) -> list[StepResult]:
        """Return what follows from a refused publish call. Errors: the refusal itself."""
        if error.code == NOT_READY_CODE:
            return [WaitFor(max(NOT_READY_WAIT, error.retry_after), "Instagram is not ready yet")]
        if not isinstance(error, Rejected):
            raise error
        if error.code == UNKNOWN_CONTAINER_CODE:
            if self._is_young():
                return [WaitFor(UNKNOWN_CONTAINER_WAIT, "Instagram does not find the container")]
            # it may be gone because it was published: that is looked for before another is made
            raise OutcomeUnknown(str(error), code=error.code, log_id=error.log_id) from error
        result = result_of_error(0, error)
        if result is None:
            raise error
        return [result]

    def _result_of_denial(self, denial: Rejected) -> StepResult:
        """Return what follows if the platform denies the container and lists no post of it.

        Another container is made only after several looks, as many as core takes before a repeat.
        """
        unsafe_at = self.publication.unsafe_at or self.publication.now
        has_waited = self.publication.now - unsafe_at >= DENIED_TIME
        if has_waited and self.publication.times_absent >= MIN_ABSENCES:
            return PartDiscarded(0, denial.code, str(denial))
        return AbsenceReported()

    def _is_young(self) -> bool:
        part = self.publication.get_part(0)
        created_at = part.created_at if part is not None else None
        return created_at is not None and self.publication.now - created_at < PATIENT_AGE

    def _search(self) -> RecentSearch:
        recent = self.calls.list_recent_posts(
            self.publication.kind.name, publish_began_at(self.publication)
        )
        return RecentSearch(
            find_candidates(self.publication, recent.items),
            has_rival(self.publication, has_captions=recent.has_captions),
        )


def visible_post(item: PublicItem) -> PostVisible:
    facts = {
        "media_type": item.media_type,
        "media_product_type": item.product,
        "shortcode": item.shortcode,
    }
    return PostVisible(
        item.id,
        item.url,
        item.posted_at,
        {name: value for name, value in facts.items() if value is not None},
    )
