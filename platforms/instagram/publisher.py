"""Publishes to Instagram in steps: which step is next, and the calls of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from platforms.instagram.container_calls import PublishingCalls
from platforms.instagram.graph import GraphClient
from platforms.instagram.kinds import POST_QUOTA, STORIES
from platforms.instagram.part_steps import PartSteps
from platforms.instagram.publish_steps import PublishSteps
from platforms.instagram.steps import (
    CHECK,
    CREATE,
    CREATE_PARENT,
    DETAILS,
    FIND,
    PUBLISH,
    SAFETY_BY_STEP,
    SEND,
    STEPS,
    find_next_step,
)
from platforms.publishing import (
    RECONCILE_STEP,
    Publication,
    QuotaReading,
    Safety,
    StepResult,
    StepRule,
    StepTools,
)
from platforms.secret import Secret

log = structlog.get_logger(__name__)

BUSINESS_TYPE = "BUSINESS"
PART_RUNNERS: Mapping[str, Callable[[PartSteps], list[StepResult]]] = {
    CREATE: PartSteps.create_items,
    CREATE_PARENT: PartSteps.create_parent,
    SEND: PartSteps.send_bytes,
    CHECK: PartSteps.check_parts,
}
PUBLISH_RUNNERS: Mapping[str, Callable[[PublishSteps], list[StepResult]]] = {
    PUBLISH: PublishSteps.publish,
    DETAILS: PublishSteps.fetch_details,
    FIND: PublishSteps.find_post,
    RECONCILE_STEP: PublishSteps.find_outcome,
}


@dataclass(frozen=True)
class InstagramPublisher:
    """Publishes images, reels, stories and carousels. Errors of every call: PlatformError."""

    graph: GraphClient

    @property
    def steps(self) -> Mapping[str, StepRule]:
        return STEPS

    def next_step(self, publication: Publication) -> str:
        return find_next_step(publication)

    def step_safety(self, step: str, publication: Publication) -> Safety:
        del publication
        return SAFETY_BY_STEP.get(step, Safety.SAFE)

    def check_before(self, publication: Publication, tools: StepTools) -> tuple[QuotaReading, ...]:
        """Check the account's limit. Errors: RateLimited `publishing_limit_reached`."""
        account_type = publication.destination.get("account_type")
        if publication.kind.name == STORIES and account_type not in {None, BUSINESS_TYPE}:
            # by Meta's text, stories are for business accounts only; not known to be enforced
            log.warning("instagram.story_of_creator", account_type=account_type)
        return PublishSteps(publication, self._calls(publication, tools)).check_limit()

    def run_step(
        self, step: str, publication: Publication, tools: StepTools
    ) -> Sequence[StepResult]:
        calls = self._calls(publication, tools)
        if step in PART_RUNNERS:
            return PART_RUNNERS[step](PartSteps(publication, tools, calls))
        return PUBLISH_RUNNERS[step](PublishSteps(publication, calls))

    def cancel_post(self, publication: Publication, token: Secret) -> None:
        """Nothing to tell the platform: containers that are not published end unseen."""

    def fetch_quotas(
        self, destination_id: str, token: Secret, fallback_token: Secret | None = None
    ) -> tuple[QuotaReading, ...]:
        """Return how many posts the account may publish in a day, and how many it has. Safe."""
        calls = PublishingCalls(self.graph, destination_id, token, fallback_token)
        limit = calls.fetch_limit()
        return (QuotaReading(POST_QUOTA, limit.used, limit.total),)

    def _calls(self, publication: Publication, tools: StepTools) -> PublishingCalls:
        return PublishingCalls(
            self.graph, publication.destination_id, tools.token, tools.fallback_token
        )
