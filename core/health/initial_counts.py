"""The series that counters have before anything is counted: each at 0 (decision 0083).

`increase()` of Prometheus sees no first count of a series that did not exist before, so that the
first failed post of a kind would be in no alert and on no panel. Here are the sets of labels that
are known and few. What only a platform or a request tells, such as the codes of refused calls, is
no such set.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from core import accounts
from core.accounts import grant_lifecycle
from core.insights.comment_steps import COMMENTS_KIND, MENTIONS_KIND
from core.insights.sampling import SAMPLING_STEPS
from core.insights.sampling_job import ACCOUNT_SUBJECT
from core.observability import metrics
from core.observability.metrics import CounterLabels
from core.publishing.commands import CANCELLED_CODE
from core.publishing.resolve import OWN_SOURCE, SOURCES
from core.webhooks.handlers import OTHER_KIND
from db.accounts.accounts import AccountStatus
from platforms.base import SIGNATURE_FAULTS
from platforms.errors import Revoked, ServerBusy, TimedOut, Unavailable
from platforms.platform import Platform
from platforms.registry import PLATFORMS

RECEIPTS = ("stored", "duplicate", "late")
JOB_KINDS = ("webhooks", "accounts", "posts", "uploads", "insights", "outbox")
CALL_FAULTS = (Unavailable.code, TimedOut.code, ServerBusy.code)
DELIVERY_OUTCOMES = ("2xx", "3xx", "4xx", "5xx", "not_https", *CALL_FAULTS)
VARIANT_MARK = "_of_"
"""Between a code and a kind of media: the sentence differs for it, and the code does not."""


def create_initial_series(others: Iterable[CounterLabels] = ()) -> None:
    """Let the page of metrics of this process have all of them. `others`: those of the caller."""
    metrics.create_series([*list_general_labels(), *list_all_platform_labels(), *others])


def list_general_labels() -> Iterator[CounterLabels]:
    yield from ((metrics.DELIVERIES, (outcome,)) for outcome in DELIVERY_OUTCOMES)
    yield metrics.RATE_LIMIT_HITS, ("sign_in", "account")
    yield metrics.LIMITER_UNAVAILABLE, ("platform",)
    for kind in JOB_KINDS:
        yield metrics.RETRIES, (kind,)
        yield metrics.STALE_LEASES, (kind,)
        yield from ((metrics.WORKER_RUNS, (kind, outcome)) for outcome in ("done", "failed"))


def list_all_platform_labels() -> Iterator[CounterLabels]:
    for platform in PLATFORMS.values():
        yield from list_post_labels(platform)
        yield from list_webhook_labels(platform)
        yield from list_account_labels(platform)
        yield from list_reading_labels(platform)


def list_post_labels(platform: Platform) -> Iterator[CounterLabels]:
    ends = [("published", "none"), ("cancelled", CANCELLED_CODE)]
    ends += [("failed", code) for code in list_failure_codes(platform)]
    sources = (OWN_SOURCE, *SOURCES.values())
    for kind, source, end in product(platform.kinds, sources, ends):
        yield metrics.UPLOADS, (platform.name, kind, source, *end)
    yield metrics.QUOTA_REFUSALS, (platform.name,)
    for endpoint in platform.exchange_fields:
        yield metrics.UPSTREAM_REQUESTS, (platform.name, endpoint, "200", "")
    yield from ((metrics.RATE_LIMIT_HITS, ("platform", name)) for name in platform.call_classes)


def list_failure_codes(platform: Platform) -> list[str]:
    """Why posts fail, without the variants of sentences."""
    reasons = platform.failure_reasons
    return [code for code in reasons if code.rpartition(VARIANT_MARK)[0] not in reasons]


def list_webhook_labels(platform: Platform) -> Iterator[CounterLabels]:
    for event, receipt in product((*platform.event_effects, OTHER_KIND), RECEIPTS):
        yield metrics.WEBHOOKS_RECEIVED, (platform.name, event, receipt)
    for fault in SIGNATURE_FAULTS:
        yield metrics.WEBHOOKS_RECEIVED, (platform.name, "unknown", fault)
    for event in platform.event_effects:
        yield metrics.WEBHOOKS_PROCESSED, (platform.name, event, "done")


def list_account_labels(platform: Platform) -> Iterator[CounterLabels]:
    first_step = accounts.CONNECTION_STEPS[0]
    for step in (accounts.START_STEP, *accounts.CONNECTION_STEPS):
        yield metrics.OAUTH_STEPS, (platform.name, step, "ok", "")
    for code in accounts.ERROR_CAUSES:
        yield metrics.OAUTH_STEPS, (platform.name, first_step, "failed", code)
    yield metrics.TOKEN_REFRESHES, (platform.name, "refreshed", "")
    yield metrics.TOKEN_REFRESHES, (platform.name, "later", "")
    yield metrics.TOKEN_REFRESHES, (platform.name, "refused", Revoked.code)
    for code in CALL_FAULTS:
        yield metrics.TOKEN_REFRESHES, (platform.name, "failed", code)
    for cause in platform.removal_causes:
        yield metrics.GRANTS_ENDED, (platform.name, AccountStatus.REVOKED, cause)
    for cause in (grant_lifecycle.REVOKED, grant_lifecycle.ROTATION_LOST, grant_lifecycle.EXPIRED):
        yield metrics.GRANTS_ENDED, (platform.name, AccountStatus.NEEDS_RECONNECT, cause)


def list_reading_labels(platform: Platform) -> Iterator[CounterLabels]:
    if platform.sampling is None:
        return
    yield metrics.INSIGHTS_PAUSES, (platform.name,)
    for step, outcome in product(SAMPLING_STEPS, ("answered", "failed")):
        yield metrics.INSIGHTS_FETCHES, (platform.name, step, outcome)
    kinds = (platform.sampling.item_subject, ACCOUNT_SUBJECT, COMMENTS_KIND, MENTIONS_KIND)
    for kind, outcome in product(kinds, ("kept", "missing")):
        yield metrics.INSIGHTS_ITEMS, (platform.name, kind, outcome)
