"""Steps about an account's public posts: list them, fetch the metrics of known ones.

The first listing reads the whole list, one page per claim; later listings stop at the first page
without a new post. Known posts are queried by their ids, or each for its own metrics. Posts that
the platform no longer returns are marked as missing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from core.insights.sampled_platforms import get_rules
from core.insights.sampling_job import SamplingCall, StepAnswer
from core.insights.sampling_schedule import (
    HOUR,
    next_missing_check_delay,
    next_sample_delay,
    spread_delay,
)
from core.observability import metrics
from db.insights.items import ItemStore, ListedRange, NewItem, SampledAccount, StoredItem
from db.insights.schedule import SamplingSchedule, SamplingSchedules
from db.insights.snapshots import MetricSnapshots, MetricSubject
from db.records.items import find_account_store, find_comment_store, get_item_store
from db.session import Session, database_now
from platforms.errors import NotReadable, Rejected
from platforms.insights_base import ItemPage, MetricReport, PublicItem
from platforms.sampling import SamplingRules

log = structlog.get_logger(__name__)

PERMISSION_CODES = frozenset(
    {"scope_not_authorized", "scope_permission_missed", "permission_missing"}
)
"""Refusals of a whole step: the login lacks something."""


@dataclass(frozen=True)
class ItemRefused:
    """The platform refuses the metrics of this post; `is_gone`: it does not show the post at all.

    Other posts are not affected.
    """

    is_gone: bool
    code: str


def fetch_item_page(call: SamplingCall) -> ItemPage:
    return call.insights.fetch_item_page(call.access, cursor=call.job.cursor)


def fetch_ending_page(call: SamplingCall) -> ItemPage:
    return call.insights.fetch_item_page(call.access, listing=call.job.rules.ending_listing)


def fetch_known_items(
    call: SamplingCall,
) -> tuple[PublicItem, ...] | MetricReport | ItemRefused:
    """Query known posts, or the metrics of one where the listings do not tell them."""
    items, detailed = call.job.items, call.adapter.detailed_insights
    if detailed is None or not items:
        return call.insights.fetch_items(call.access, ids=[item.item_id for item in items])
    item = PublicItem(items[0].item_id, product=items[0].product)
    try:
        return detailed.fetch_item_metrics(item, call.access)
    except Rejected as error:
        if error.code in PERMISSION_CODES:
            raise
        return ItemRefused(isinstance(error, NotReadable), error.code)


def record_item_page(session: Session, schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store the posts of a page, and schedule the next page or the next listing."""
    page: ItemPage = answer.value
    account = answer.job.account
    stored = store_items(session, account, page.items, jitter=answer.jitter)
    if answer.job.rules.has_detailed_metrics:
        mark_absent_items(session, account, page, answer.job.cursor)
    at = database_now(session)
    if answer.job.cursor is None:
        schedule.listed_at = at
    has_new_items = any(item.is_new for item in stored)
    if page.next_cursor is not None and (has_new_items or not schedule.is_whole):
        schedule.list_cursor = page.next_cursor
        schedule.list_due_at = at
        return
    schedule.list_cursor = None
    schedule.is_whole = True
    interval = answer.list_interval
    if interval is None:
        age = at - last_publication_time(session, schedule, account)
        interval = next_sample_delay(answer.job.rules, age, jitter=0.5) or HOUR
    schedule.list_due_at = at + spread_delay(interval, jitter=answer.jitter)
    if (store := find_account_store(session, account.provider)) is not None:
        store.record_sync(account)


def record_ending_page(session: Session, schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store the posts that end by themselves; their list is short, so one page is all of it."""
    store_items(session, answer.job.account, answer.value.items, jitter=answer.jitter)
    interval = answer.list_interval or HOUR
    schedule.ending_due_at = database_now(session) + spread_delay(interval, jitter=answer.jitter)


def record_known_items(session: Session, _schedule: SamplingSchedule, answer: StepAnswer) -> None:
    """Store what was returned, and mark the others as missing; those keep their last metrics."""
    account = answer.job.account
    if isinstance(answer.value, MetricReport):
        record_item_metrics(session, account, answer, answer.value)
        return
    if isinstance(answer.value, ItemRefused):
        record_refused_item(session, account, answer, answer.value)
        return
    requested_ids = {item.item_id for item in answer.job.items}
    returned_items = [item for item in answer.value if item.id in requested_ids]
    store_items(session, account, returned_items, jitter=answer.jitter)
    mark_missing_items(
        session,
        account,
        requested_ids - {item.id for item in returned_items},
        jitter=answer.jitter,
    )


def record_item_metrics(
    session: Session, account: SampledAccount, answer: StepAnswer, report: MetricReport
) -> None:
    """Store the metrics of one post. One that the platform did not tell keeps its last value."""
    rules, items = answer.job.rules, get_item_store(session, account.provider)
    counts = {name: value for name, value in report.counts.items() if name in rules.item_metrics}
    stored = items.add_metrics(account, answer.job.items[0].item_id, counts)
    if stored is None:
        return
    MetricSnapshots(session).add({item_subject(account, rules, stored): counts})
    count_items(account, rules.item_subject, "kept", len(counts))
    schedule_items(session, items, rules, [stored], jitter=answer.jitter)


def record_refused_item(
    session: Session, account: SampledAccount, answer: StepAnswer, refused: ItemRefused
) -> None:
    """Mark a post that is gone; ask for another one's metrics at its next time."""
    rules, items = answer.job.rules, get_item_store(session, account.provider)
    if refused.is_gone:
        items.mark_missing(account, [answer.job.items[0].item_id])
        count_items(account, rules.item_subject, "missing", 1)
        return
    log.warning("insights.item_refused", item=answer.job.items[0].id, code=refused.code)
    schedule_items(session, items, rules, answer.job.items, jitter=answer.jitter)


def store_items(
    session: Session, account: SampledAccount, items: Sequence[PublicItem], *, jitter: float
) -> Sequence[StoredItem]:
    """Store posts of a response with their metrics, and schedule their next samples.

    Metrics that the response leaves out are not stored.
    """
    rules = account_rules(account)
    items_by_id = {item.id: item for item in items}
    store = get_item_store(session, account.provider)
    stored = store.upsert(account, [new_item(item) for item in items_by_id.values()])
    if rules.has_detailed_metrics:
        schedule_first_readings(session, account, rules, stored)
        return stored
    counts_by_subject = {
        item_subject(account, rules, item): known_counts(rules, items_by_id[item.item_id])
        for item in stored
    }
    count_items(
        account, rules.item_subject, "kept", MetricSnapshots(session).add(counts_by_subject)
    )
    schedule_items(session, store, rules, stored, jitter=jitter)
    return stored


def new_item(item: PublicItem) -> NewItem:
    duration = None if item.duration is None else int(item.duration.total_seconds())
    return NewItem(
        item_id=item.id,
        posted_at=item.posted_at,
        text=item.text,
        url=item.url,
        duration_seconds=duration,
        product=item.product,
        media_type=item.media_type,
        shortcode=item.shortcode,
        thumbnail_url=item.thumbnail_url,
        counts=item.counts,
    )


def known_counts(rules: SamplingRules, item: PublicItem) -> dict[str, int]:
    return {name: value for name, value in item.counts.items() if name in rules.item_metrics}


def item_subject(account: SampledAccount, rules: SamplingRules, item: StoredItem) -> MetricSubject:
    return MetricSubject(rules.item_subject, item.id, account.provider)


def schedule_items(
    session: Session,
    store: ItemStore,
    rules: SamplingRules,
    items: Iterable[StoredItem],
    *,
    jitter: float,
) -> None:
    at = database_now(session)
    store.schedule_next(
        {
            item.id: next_sample_delay(
                rules, at - item.posted_at, product=item.product, jitter=jitter
            )
            for item in items
        }
    )


def schedule_first_readings(
    session: Session, account: SampledAccount, rules: SamplingRules, items: Sequence[StoredItem]
) -> None:
    """Make the metrics and comments of young posts due, unless they are scheduled."""
    at = database_now(session)
    sampled_ids = [
        item.id
        for item in items
        if next_sample_delay(rules, at - item.posted_at, product=item.product, jitter=0.5)
    ]
    get_item_store(session, account.provider).schedule_first(sampled_ids)
    comments = find_comment_store(session, account.provider)
    if comments is not None and rules.comments_age is not None:
        comments.schedule_reading(
            [item.id for item in items if at - item.posted_at < rules.comments_age]
        )


def mark_absent_items(
    session: Session, account: SampledAccount, page: ItemPage, cursor: str | None
) -> None:
    """Mark the posts that this page would contain if the platform still showed them.

    Nothing is concluded from an empty page, or one with a post whose time is not known.
    """
    times = [item.posted_at for item in page.items]
    known_times = [time for time in times if time is not None]
    if not times or len(known_times) < len(times):
        return
    listed = ListedRange(
        frozenset(item.id for item in page.items),
        oldest=None if page.next_cursor is None else min(known_times),
        newest=None if cursor is None else max(known_times),
    )
    marked_count = get_item_store(session, account.provider).mark_absent(account, listed)
    count_items(account, account_rules(account).item_subject, "missing", marked_count)


def mark_missing_items(
    session: Session, account: SampledAccount, item_ids: set[str], *, jitter: float
) -> None:
    """Mark these posts as missing and schedule when to query them again, if at all."""
    if not item_ids:
        return
    at = database_now(session)
    store = get_item_store(session, account.provider)
    missing_items = store.mark_missing(account, item_ids)
    store.schedule_next(
        {
            item.id: next_missing_check_delay(at - item.missing_since, jitter=jitter)
            for item in missing_items
        }
    )
    count_items(account, account_rules(account).item_subject, "missing", len(missing_items))


def last_publication_time(
    session: Session, schedule: SamplingSchedule, account: SampledAccount
) -> datetime:
    """Return when a post last appeared, by the list or by our own posts, whichever is later.

    The platform may list what we published only after a while.
    """
    times = (
        get_item_store(session, account.provider).newest_posted_at(account),
        SamplingSchedules(session).last_published_at(account.account_id, account.destination_id),
    )
    return max((time for time in times if time is not None), default=schedule.created_at)


def account_rules(account: SampledAccount) -> SamplingRules:
    return get_rules(account.provider)


def count_items(account: SampledAccount, kind: str, outcome: str, number: int) -> None:
    metrics.with_labels(metrics.INSIGHTS_ITEMS, account.provider, kind, outcome).inc(number)
