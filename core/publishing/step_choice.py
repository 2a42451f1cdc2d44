"""Chooses the step of a claim, and plans the one after it. Makes no calls."""

from dataclasses import dataclass, replace

import structlog

from core.bootstrap import Services
from core.crypto import part_upload_url_context
from core.errors import OperationFailed
from core.publishing.step_files import FileReader
from core.publishing.step_jobs import NothingLeft, PlatformStepJob, StepPlanned
from platforms.publishing import (
    CHECK_BEFORE_STEP,
    NO_STEP,
    RECONCILE_STEP,
    Part,
    Publication,
    Safety,
    StepPublisher,
    StepRule,
    StepTools,
)

CHECK_RULE = StepRule(CHECK_BEFORE_STEP, "read", is_listed=False)
"""How the check before a post runs, unless the platform has a rule for it."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ChosenStep:
    """A step that runs now, with what it runs on."""

    rule: StepRule
    safety: Safety
    publication: Publication
    tools: StepTools
    files: FileReader


def get_step_publisher(provider: str, services: Services) -> StepPublisher:
    """Errors: Misconfigured if the platform is off; OperationFailed if it cannot publish."""
    publisher = services.get_adapter(provider).step_publisher
    if publisher is None:
        raise OperationFailed(f"{provider} cannot publish posts", code="not_supported")
    return publisher


def choose_step(
    job: PlatformStepJob, publisher: StepPublisher, services: Services
) -> ChosenStep | StepPlanned | NothingLeft:
    publication = with_upload_urls(job, services)
    files = FileReader(job, services)
    tools = build_tools(job, files, services)
    if publication.is_unconfirmed:
        rule = publisher.steps.get(RECONCILE_STEP) or StepRule(RECONCILE_STEP, "read")
        return ChosenStep(rule, Safety.SAFE, publication, tools, files)
    if not job.is_checked:
        rule = publisher.steps.get(CHECK_BEFORE_STEP) or CHECK_RULE
        return ChosenStep(rule, Safety.SAFE, publication, tools, files)
    step = publisher.next_step(publication)
    if step == NO_STEP:
        return NothingLeft()
    plan = plan_step(step, publication, publisher)
    is_planned = not plan.is_unsafe or step == job.planned_step
    if not is_planned or (plan.is_upload and not job.is_upload_claim):
        return plan
    safety = publisher.step_safety(step, publication)
    return ChosenStep(publisher.steps[step], safety, publication, tools, files)


def plan_step(step: str, publication: Publication, publisher: StepPublisher) -> StepPlanned:
    is_unsafe = publisher.step_safety(step, publication) is Safety.UNSAFE
    return StepPlanned(step, is_unsafe, publisher.steps[step].is_upload)


def plan_following_step(
    job: PlatformStepJob, publication: Publication | None, publisher: StepPublisher
) -> StepPlanned | None:
    """The step after this one, if it is known already."""
    if publication is None:
        return None
    try:
        step = publisher.next_step(publication)
        return None if step == NO_STEP else plan_step(step, publication, publisher)
    except Exception:  # the results have to be recorded, whatever a prediction does
        log.exception("step.not_predicted", provider=job.provider, post=job.post_id)
        return None


def with_upload_urls(job: PlatformStepJob, services: Services) -> Publication:
    def with_url(part: Part) -> Part:
        encrypted = job.encrypted_upload_urls.get(part.position)
        if encrypted is None:
            return part
        context = part_upload_url_context(job.provider, job.post_id, part.position, job.user_id)
        return replace(part, upload_url=services.key_ring.decrypt(encrypted, context))

    if not job.encrypted_upload_urls:
        return job.publication
    parts = tuple(with_url(part) for part in job.publication.parts)
    return replace(job.publication, parts=parts)


def build_tools(job: PlatformStepJob, files: FileReader, services: Services) -> StepTools:
    return StepTools(
        token=job.token.decrypt(services),
        read_bytes=files.read_bytes,
        media_link=files.build_link,
        fallback_token=job.token.decrypt_fallback(services),
        jitter=services.jitter(),
    )
