"""Makes the calls of a platform's steps, and turns every error into a value that says whether the
step may have had its effect.

Nothing here has access to the database.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from core.bootstrap import Services
from core.crypto import part_upload_url_context
from core.outcomes import LocalRateLimit, Snooze, failure_from_error
from core.publishing.predict import predict_publication
from core.publishing.quota import read_rule_limit
from core.publishing.quota_rules import list_destination_rules
from core.publishing.resolve import SETTINGS_KEY, check_settings
from core.publishing.step_choice import (
    ChosenStep,
    choose_step,
    get_step_publisher,
    plan_following_step,
)
from core.publishing.step_jobs import (
    ChecksPassed,
    NothingSent,
    PlatformStepJob,
    PostingTokenRefused,
    StepAnswer,
    StepNotSent,
    StepSucceeded,
    StepUnanswered,
)
from core.publishing.url_checks import check_urls
from platforms.errors import (
    NO_WAIT,
    PlatformError,
    RateLimited,
    ServerBusy,
    TokenExpired,
    Unavailable,
)
from platforms.platform import CallClass, Platform
from platforms.publishing import (
    CHECK_BEFORE_STEP,
    PartCreated,
    Publication,
    QuotaReading,
    Safety,
    StepPublisher,
    StepResult,
    StepRule,
)
from platforms.registry import PLATFORMS

LIVE_MODE = "live"  # the `publish_mode` in which platforms are called
DEFAULT_RATE_LIMIT_WAIT = timedelta(minutes=1)  # if the platform does not say how long
MAX_RATE_LIMIT_WAITS = timedelta(hours=72)  # since the post was due; then its attempts count

Answer = TypeVar("Answer")

PUBLISH_CIRCUIT = "publish"


def call_next_step(job: PlatformStepJob, services: Services) -> StepAnswer:
    """Run the step that the post needs next, or say what has to be written down before it.

    Never raises, so that no error can hide whether an unsafe step was sent.
    """
    if services.settings.publish_mode != LIVE_MODE:
        return NothingSent()
    try:
        publisher = get_step_publisher(job.provider, services)
        chosen = choose_step(job, publisher, services)
        if isinstance(chosen, ChosenStep):
            acquire_call(job, chosen.rule, services)
    except Exception as error:  # noqa: BLE001 - whatever it is, the step was not sent
        return step_not_sent(error, job)
    if not isinstance(chosen, ChosenStep):
        return chosen
    if chosen.rule.name != CHECK_BEFORE_STEP:
        return run_chosen_step(job, chosen, publisher, services)
    answer = run_checks(job, chosen, publisher, services)
    is_last = not can_go_on(job, answer)
    return answer if is_last else call_next_step(replace(job, is_checked=True), services)


def can_go_on(job: PlatformStepJob, answer: StepAnswer) -> bool:
    """Whether the first step may run in the same claim as the checks before it."""
    plan = answer.plan if isinstance(answer, ChecksPassed) else None
    return plan is not None and not plan.is_unsafe and not plan.is_upload and job.has_slot


def find_call_class(provider: str, rule: StepRule) -> CallClass:
    """The class of calls that a step belongs to; a class without a table entry has no rate."""
    call_class = PLATFORMS[provider].call_classes.get(rule.call_class)
    return call_class or CallClass(rule.call_class, "upload" if rule.is_upload else "read")


def acquire_call(job: PlatformStepJob, rule: StepRule, services: Services) -> None:
    """Count a call of the account. Errors: LocalRateLimit if its rate is used up."""
    call_class = find_call_class(job.provider, rule)
    if call_class.circuit == PUBLISH_CIRCUIT:
        pause = services.rate_limits.find_pause(account_name(job))
        if pause.wait:
            reason = "the platform has blocked posting of this account"
            raise LocalRateLimit(pause.wait, reason, code=pause.cause or RateLimited.code)
    if call_class.rate_setting is None:
        return
    account_id = job.token.login.account_id
    wait = services.rate_limits.acquire(account_id, call_class.name)
    if wait:
        cause = services.rate_limits.find_block_cause(account_id, call_class.name)
        raise LocalRateLimit(wait, f"rate limit of {call_class.name} calls", code=cause)


def call_with_circuit(
    job: PlatformStepJob, rule: StepRule, services: Services, operation: Callable[[], Answer]
) -> Answer:
    call_class = find_call_class(job.provider, rule)
    try:
        return services.circuits.call(job.provider, call_class.circuit, operation)
    except RateLimited as error:
        # other codes are quotas, which do not block all calls
        if call_class.rate_setting is not None and error.code == RateLimited.code:
            account_id = job.token.login.account_id
            services.rate_limits.block(account_id, call_class.name, error.retry_after, error.code)
        else:
            pause_if_blocked(job, error, services)
        raise
    except PlatformError as error:
        pause_if_blocked(job, error, services)
        raise


def pause_if_blocked(job: PlatformStepJob, error: PlatformError, services: Services) -> None:
    """Let the account's other posts wait too, if the platform has blocked or limited it."""
    is_limited = isinstance(error, RateLimited) and error.code == RateLimited.code
    if (error.stops_account or is_limited) and error.retry_after:
        services.rate_limits.pause_account(account_name(job), error.retry_after, error.code)


def account_name(job: PlatformStepJob) -> str:
    """The account that is posted to, named among all platforms."""
    destination = job.token.destination
    if destination is None:
        return f"{job.provider}:login:{job.token.login.account_id}"
    return f"{job.provider}:{destination.external_id}"


def build_request_fields(publication: Publication) -> dict[str, Any]:
    """Kind, text and the platform's own fields of a stored post, as a request has them."""
    options = publication.options.get(SETTINGS_KEY) or publication.options
    media = [{"url": item.url} for item in publication.media]
    return {
        "kind": publication.kind.name,
        "text": publication.text,
        "media": media,
        "options": options,
    }


def run_checks(
    job: PlatformStepJob, chosen: ChosenStep, publisher: StepPublisher, services: Services
) -> StepAnswer:
    def check_before() -> Sequence[QuotaReading]:
        return publisher.check_before(chosen.publication, chosen.tools) or ()

    try:
        check_own_rules(PLATFORMS[job.provider], chosen.publication, services)
        readings = call_with_circuit(job, chosen.rule, services, check_before)
    except TokenExpired as error:
        return PostingTokenRefused(job.token, error.code)
    except Exception as error:  # noqa: BLE001 - it becomes the outcome of the attempt
        return step_not_sent(error, job)
    plan = plan_following_step(job, chosen.publication, publisher)
    return ChecksPassed(quota_limits(job, readings, services), plan)


def check_own_rules(platform: Platform, publication: Publication, services: Services) -> None:
    """Check what we know without asking the platform: our settings, and URLs that do not answer.

    Errors: OperationFailed, Rejected.
    """
    check_settings(services, platform, build_request_fields(publication))
    check_urls(platform, publication, services)


def quota_limits(
    job: PlatformStepJob, readings: Sequence[QuotaReading], services: Services
) -> dict[str, int]:
    """The limits for the destination: as the platform reported them, or those of the settings."""
    platform = PLATFORMS[job.provider]
    settings = services.settings.of_platform(job.provider)
    rules = list_destination_rules(platform, job.publication.kind)
    limits = {rule.name: read_rule_limit(rule, settings) for rule in rules}
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
    return build_success(job, chosen, results, publisher, services)


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
    job: PlatformStepJob,
    chosen: ChosenStep,
    results: Sequence[StepResult],
    publisher: StepPublisher,
    services: Services,
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
    predicted = predict_publication(chosen.publication, results)
    return StepSucceeded(
        rule=chosen.rule,
        is_unsafe=chosen.safety is Safety.UNSAFE,
        results=tuple(plain_results),
        encrypted_upload_urls=encrypted_urls,
        file_stamps=chosen.files.stamps,
        jitter=services.jitter(),
        plan=plan_following_step(job, predicted, publisher),
    )
