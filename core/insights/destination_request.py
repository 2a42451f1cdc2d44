"""A request for the media or metrics of a user's destinations, and its result.

Ownership is checked here. What is stored of a disconnected account can still be read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.bootstrap import Services
from core.errors import Invalid, NotConnected, NotFound
from core.insights.history import Series, list_metrics
from core.insights.insights_request import SeriesRequest, read_series
from core.insights.queries import SamplingStatus, load_sampling_status
from core.insights.sampled_platforms import get_rules
from core.insights.sampling_job import DESTINATION_SUBJECT
from db.accounts.accounts import Accounts
from db.accounts.destinations import StoredDestination
from db.insights.items import ItemReader, ListedItem
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue
from db.records.destinations import find_destination_store
from db.records.items import find_item_reader
from db.session import Database, Session


@dataclass(frozen=True, kw_only=True)
class DestinationInsightsRequest(SeriesRequest):
    """At most one of account and post; `item_key` is our id of a post, or the platform's."""

    destination_id: int | None = None
    item_key: str | None = None


@dataclass(frozen=True)
class DestinationInsights:
    """Latest metrics and their history, of an account or of one of its posts (`item`)."""

    destination_id: int
    latest: Mapping[str, MetricValue | None]
    series: Series
    item: ListedItem | None = None
    status: SamplingStatus | None = None
    details: Mapping[str, Any] | None = None  # of an account: window, series, parts


@dataclass(frozen=True)
class ItemListPage:
    """A page of posts; `next_before` is the cursor."""

    items: Sequence[ListedItem]
    next_before: int | None


def list_items(
    database: Database,
    provider: str,
    *,
    user_id: int,
    destination_id: int | None = None,
    limit: int,
    before: int | None = None,
) -> ItemListPage:
    """List the public posts of the user's accounts, newest first, whether we posted them or not."""
    with database.transaction() as session:
        items = get_item_reader(session, provider).list_page(
            user_id=user_id, destination_id=destination_id, limit=limit + 1, before=before
        )
    page = items[:limit]
    return ItemListPage(page, page[-1].id if len(items) > limit else None)


def load_destination_insights(
    database: Database, services: Services, request: DestinationInsightsRequest, *, user_id: int
) -> DestinationInsights:
    """Load the insights that the request names, or those of the user's only account.

    Errors: NotFound, NotConnected; Invalid `account_required`, or with `details.fields`.
    """
    if request.destination_id is not None and request.item_key is not None:
        fields = {"mediaId": "name only one of accountId and mediaId"}
        raise Invalid("more than one subject is named", details={"fields": fields})
    with database.transaction() as session:
        if request.item_key is not None:
            item = get_item_reader(session, request.provider).find(
                request.item_key, user_id=user_id
            )
            if item is None:
                raise NotFound("this user has no such post")
            return load_item_insights(session, services, request, item)
        destination = find_destination(
            session, request.provider, request.destination_id, user_id=user_id
        )
        return load_account_insights(session, services, request, destination)


def load_item_insights(
    session: Session,
    services: Services,
    request: DestinationInsightsRequest,
    item: ListedItem,
) -> DestinationInsights:
    subject = MetricSubject(get_rules(request.provider).item_subject, item.id, request.provider)
    return DestinationInsights(
        destination_id=item.destination_id,
        latest=load_latest(session, subject),
        series=read_series(session, services, request, subject),
        item=item,
    )


def load_account_insights(
    session: Session,
    services: Services,
    request: DestinationInsightsRequest,
    destination: StoredDestination,
) -> DestinationInsights:
    subject = MetricSubject(DESTINATION_SUBJECT, destination.id, request.provider)
    login = Accounts(session).get(destination.account_id)
    status = None
    if login is not None:
        status = load_sampling_status(session, services, login, destination.id)
    return DestinationInsights(
        destination_id=destination.id,
        latest=load_latest(session, subject),
        series=read_series(session, services, request, subject),
        status=status,
        details=get_item_reader(session, request.provider).get_account_metrics(destination.id),
    )


def load_latest(session: Session, subject: MetricSubject) -> dict[str, MetricValue | None]:
    """Load the last value of each metric; None where the platform gave none."""
    names = list_metrics(subject)
    latest = MetricSnapshots(session).latest(subject, names)
    return {name: latest.get(name) for name in names}


def find_destination(
    session: Session, provider: str, destination_id: int | None, *, user_id: int
) -> StoredDestination:
    """Return the user's destination with this id, or the only one that is chosen.

    Errors: NotFound, NotConnected; Invalid `account_required` if several are chosen.
    """
    store = find_destination_store(session, provider)
    if store is None:
        raise NotFound("this platform has no such accounts")
    if destination_id is not None:
        destination = store.get(destination_id)
        if destination is None or destination.user_id != user_id:
            raise NotFound("this user has no such account")
        return destination
    chosen = [item for item in store.list_for_user(user_id) if item.is_selected]
    if not chosen:
        raise NotConnected
    if len(chosen) > 1:
        fields = {"accountId": "is required: several accounts are connected"}
        raise Invalid(
            "several accounts are connected: name one with accountId",
            code="account_required",
            details={"fields": fields},
        )
    return chosen[0]


def get_item_reader(session: Session, provider: str) -> ItemReader:
    reader = find_item_reader(session, provider)
    if reader is None:
        raise NotFound("this platform has no such posts")
    return reader
