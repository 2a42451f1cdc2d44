"""Makes the calls of a platform's steps: chooses the step, runs it, and turns every error into a
value that says whether the step may have had its effect.

Nothing here has access to the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from core.accounts.posting_tokens import PostingToken
from core.bootstrap import Services
from core.crypto import part_upload_url_context
from core.errors import OperationFailed
from core.media.links import build_media_link
from core.outcomes import Failure, LocalRateLimit, Snooze, failure_from_error
from core.publishing.preflight import LIVE_MODE
from core.publishing.publication import StoredFile
from platforms.base import BytesLike
from platforms.errors import (
    NO_WAIT,
    PlatformError,
    RateLimited,
    ServerBusy,
    TokenExpired,
    Unavailable,
)
from platforms.platform import CallClass
from platforms.publishing import (
    NO_STEP,
    RECONCILE_STEP,
    MediaItem,
    Part,
    PartCreated,
    Publication,
    QuotaReading,
    Safety,
    StepPublisher,
    StepResult,
    StepRule,
    StepTools,
)
from platforms.registry import PLATFORMS

CHECK_STEP = "check_before"
CHECK_RULE = StepRule(CHECK_STEP, "read")
DEFAULT_RATE_LIMIT_WAIT = timedelta(minutes=1)  # if the platform does not say how long
MAX_RATE_LIMIT_WAITS = timedelta(hours=72)  # since the post was due; then its attempts count
SOURCE_CHANGED_CODE = "source_changed"

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PlatformStepJob:
    """What a claimed post needs for its next step. `planned_step` is an unsafe step that was
    written down and may run in this claim; `is_upload_claim`: the claim is one of uploads.
    """

    provider: str
    post_id: int
    user_id: int
    publication: Publication
    token: PostingToken
    files: Mapping[int, StoredFile]  # by media id
    encrypted_upload_urls: Mapping[int, str]  # by position
    due_since: datetime
    is_checked: bool
    is_upload_claim: bool
    planned_step: str | None = None


@dataclass(frozen=True)
class ChecksPassed:
    """Nothing is known that the platform would refuse; the limits of its quotas by name."""

    limits: Mapping[str, int]


@dataclass(frozen=True)
class StepPlanned:
    """The next step is unsafe, or belongs to the other queue: it runs in the next claim."""

    step: str
    is_unsafe: bool
    is_upload: bool


@dataclass(frozen=True)
class NothingLeft:
    """The platform has no further step for the post."""


@dataclass(frozen=True)
class StepSucceeded:
    """What a step returned. Upload URLs are encrypted, by position, and absent from `results`."""

    step: str
    results: Sequence[StepResult]
    encrypted_upload_urls: Mapping[int, str]
    jitter: float


@dataclass(frozen=True)
class StepUnanswered:
    """An unsafe step may have had its effect, although no answer came. Should it turn out that it
    had none, the platform wants no other call before `min_delay` is over.
    """

    step: str
    code: str
    min_delay: timedelta = NO_WAIT


@dataclass(frozen=True)
class StepNotSent:
    """The step surely had no effect that people can see."""

    cause: Failure | Snooze


@dataclass(frozen=True)
class PostingTokenRefused:
    """The platform refused the access token. The step had no effect."""

    token: PostingToken
    code: str


@dataclass(frozen=True)
class NothingSent:
    """This installation is not in live mode: no platform is called."""


StepAnswer = (
    ChecksPassed
    | StepPlanned
    | NothingLeft
    | StepSucceeded
    | StepUnanswered
    | StepNotSent
    | PostingTokenRefused
    | NothingSent
)


@dataclass(frozen=True)
class ClaimAnswer:
    """What a claim brought; `is_planned`: it was permitted to run a planned unsafe step."""

    answer: StepAnswer
    is_planned: bool


@dataclass(frozen=True)
class ChosenStep:
    """A step that runs now, with what it runs on."""

    rule: StepRule
    safety: Safety
    publication: Publication
    tools: StepTools


def call_next_step(job: PlatformStepJob, services: Services) -> StepAnswer:
    """Run the step that the post needs next, or say what has to be written down before it.

    Never raises, so that no error can hide whether an unsafe step was sent.
    """
    if services.settings.publish_mode != LIVE_MODE:
        return NothingSent()
    try:
        publisher = get_step_publisher(job.provider, services)
        chosen = choose_step(job, publisher, services)
        if not isinstance(chosen, ChosenStep):
            return chosen
        wait = acquire_call(job, chosen.rule, services)
        if wait:
            return StepNotSent(LocalRateLimit(wait, f"rate limit of {chosen.rule.name} calls"))
    except Exception as error:  # noqa: BLE001 - whatever it is, the step was not sent
        return step_not_sent(error, job)
    if chosen.rule is CHECK_RULE:
        return run_checks(job, chosen, publisher, services)
    return run_chosen_step(job, chosen, publisher, services)


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
    tools = build_tools(job, services)
    if publication.is_unconfirmed:
        rule = publisher.steps.get(RECONCILE_STEP) or StepRule(RECONCILE_STEP, "read")
        return ChosenStep(rule, Safety.SAFE, publication, tools)
    if not job.is_checked:
        return ChosenStep(CHECK_RULE, Safety.SAFE, publication, tools)
    step = publisher.next_step(publication)
    if step == NO_STEP:
        return NothingLeft()
    rule, safety = publisher.steps[step], publisher.step_safety(step, publication)
    is_unsafe = safety is Safety.UNSAFE
    if rule.is_upload != job.is_upload_claim or (is_unsafe and step != job.planned_step):
        return StepPlanned(step, is_unsafe, rule.is_upload)
    return ChosenStep(rule, safety, publication, tools)


def with_upload_urls(job: PlatformStepJob, services: Services) -> Publication:
    def with_url(part: Part) -> Part:
        encrypted = job.encrypted_upload_urls.get(part.position)
        if encrypted is None:
            return part
        context = part_upload_url_context(job.provider, job.post_id, part.position, job.user_id)
        return replace(part, upload_url=services.key_ring.decrypt(encrypted, context))

    parts = tuple(with_url(part) for part in job.publication.parts)
    return replace(job.publication, parts=parts)


def build_tools(job: PlatformStepJob, services: Services) -> StepTools:
    def find_file(item: MediaItem) -> StoredFile:
        file = job.files.get(item.media_id or 0)
        if file is None:
            message = "the media file does not exist any more"
            raise OperationFailed(message, code=SOURCE_CHANGED_CODE)
        return file

    def read_bytes(item: MediaItem, first: int, last: int) -> BytesLike:
        return services.media.read(find_file(item).path, first, last)

    def media_link(item: MediaItem) -> str:
        file = find_file(item)
        return build_media_link(services, file.media_id, file.filename)

    return StepTools(
        token=job.token.decrypt(services),
        read_bytes=read_bytes,
        media_link=media_link,
        fallback_token=job.token.decrypt_fallback(services),
        jitter=services.jitter(),
    )


def find_call_class(provider: str, rule: StepRule) -> CallClass:
    """The class of calls that a step belongs to; a class without a table entry has no rate."""
    call_class = PLATFORMS[provider].call_classes.get(rule.call_class)
    return call_class or CallClass(rule.call_class, "upload" if rule.is_upload else "read")


def acquire_call(job: PlatformStepJob, rule: StepRule, services: Services) -> timedelta | None:
    """Count a call of the account; how long to wait if its rate is used up."""
    call_class = find_call_class(job.provider, rule)
    if call_class.rate_setting is None:
        return None
    return services.rate_limits.acquire(job.token.login.account_id, call_class.name)


def call_with_circuit(
    job: PlatformStepJob, rule: StepRule, services: Services, operation: Callable[[], Answer]
) -> Answer:
    call_class = find_call_class(job.provider, rule)
    try:
        return services.circuits.call(job.provider, call_class.circuit, operation)
    except RateLimited as error:
        if call_class.rate_setting is not None:
            account_id = job.token.login.account_id
            services.rate_limits.block(account_id, call_class.name, error.retry_after)
        raise


def run_checks(
    job: PlatformStepJob, chosen: ChosenStep, publisher: StepPublisher, services: Services
) -> StepAnswer:
    def check_before() -> Sequence[QuotaReading]:
        return publisher.check_before(chosen.publication, chosen.tools) or ()

    try:
        readings = call_with_circuit(job, chosen.rule, services, check_before)
    except TokenExpired as error:
        return PostingTokenRefused(job.token, error.code)
    except Exception as error:  # noqa: BLE001 - it becomes the outcome of the attempt
        return step_not_sent(error, job)
    return ChecksPassed(quota_limits(job, readings, services))


def quota_limits(
    job: PlatformStepJob, readings: Sequence[QuotaReading], services: Services
) -> dict[str, int]:
    """The limits of the kind's quotas: as the platform reported them, or those of the settings."""
    platform = PLATFORMS[job.provider]
    settings = services.settings.of_platform(job.provider)
    limits = {
        name: int(getattr(settings, platform.quotas[name].limit_setting))
        for name in job.publication.kind.quotas
    }
    reported = {reading.name: reading.limit for reading in readings if reading.limit is not None}
    return limits | {name: limit for name, limit in reported.items() if name in limits}


def run_chosen_step(
    job: PlatformStepJob, chosen: ChosenStep, publisher: StepPublisher, services: Services
) -> StepAnswer:
    """Run the step. After anything but a clear refusal an unsafe step may have had its effect."""
    name = chosen.rule.name

    def run_step() -> Sequence[StepResult]:
        return publisher.run_step(name, chosen.publication, chosen.tools)

    try:
        results = call_with_circuit(job, chosen.rule, services, run_step)
    except TokenExpired as error:
        return PostingTokenRefused(job.token, error.code)
    except Exception as error:  # noqa: BLE001 - it becomes the outcome of the attempt
        if chosen.safety is Safety.UNSAFE and may_have_had_effect(error):
            code = getattr(error, "code", None) or type(error).__name__
            return StepUnanswered(name, code, getattr(error, "retry_after", NO_WAIT))
        return step_not_sent(error, job)
    return build_success(job, name, results, services)


def may_have_had_effect(error: Exception) -> bool:
    """Whether an unsafe call may have taken effect although it raised this error."""
    if isinstance(error, Snooze | ServerBusy):
        return False
    if isinstance(error, Unavailable):
        return error.may_have_arrived
    return error.after_server_error if isinstance(error, PlatformError) else True


def step_not_sent(error: Exception, job: PlatformStepJob) -> StepNotSent:
    """A rate limit postpones the post without counting the attempt, for three days at most."""
    if isinstance(error, Snooze):
        return StepNotSent(error)
    waits_too_long = job.publication.now - job.due_since > MAX_RATE_LIMIT_WAITS
    if isinstance(error, RateLimited) and not waits_too_long:
        wait = error.retry_after or DEFAULT_RATE_LIMIT_WAIT
        return StepNotSent(PlatformRateLimit(wait, error.code))
    return StepNotSent(failure_from_error(error, "posts", job.post_id))


class PlatformRateLimit(Snooze):
    """The platform refused the call because of a limit of its own."""

    def __init__(self, delay: timedelta, code: str) -> None:
        super().__init__(delay, f"the platform limits calls: {code}")
        self.code = code


def build_success(
    job: PlatformStepJob, step: str, results: Sequence[StepResult], services: Services
) -> StepSucceeded:
    encrypted_urls: dict[int, str] = {}
    plain_results: list[StepResult] = []
    for result in results:
        if isinstance(result, PartCreated) and result.upload_url is not None:
            context = part_upload_url_context(
                job.provider, job.post_id, result.position, job.user_id
            )
            encrypted_urls[result.position] = services.key_ring.encrypt(result.upload_url, context)
            plain_results.append(replace(result, upload_url=None))
        else:
            plain_results.append(result)
    return StepSucceeded(step, tuple(plain_results), encrypted_urls, services.jitter())
