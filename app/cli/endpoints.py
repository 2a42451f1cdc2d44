"""`signalpost endpoints`: add, list, test and remove endpoints, see deliveries, deliver again."""

from datetime import UTC, datetime

import click

from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.row_options import parse_batch_time
from app.cli.runtime import load_container
from app.serialize.endpoints import (
    serialize_delivery,
    serialize_endpoint,
    serialize_endpoint_with_secret,
)
from core import endpoints
from core.endpoints import DeliveryDetails
from core.errors import NotFound
from core.identity import users
from core.outbox import EVENT_TYPES
from db.outbox.deliveries import Delivery
from db.outbox.endpoints import Endpoint
from db.session import Session

ENDPOINT_FIELDS = (
    "id url description events enabled disabledAt disabledCause failures failingSince "
    "lastDeliveredAt createdAt"
)
DELIVERY_FIELDS = (
    "id webhookId type subject sequence state nextTryAt deliveredAt createdAt body tries"
)
ENDPOINT_ID = click.argument("endpoint_id", metavar="ID", type=click.IntRange(min=1))
DELIVERY_ID = click.argument("delivery_id", metavar="ID", type=click.IntRange(min=1))
OWNER_OPTION = click.option(
    "--user", required=True, metavar="ID|EMAIL", help="The owner's id or e-mail."
)


@click.group("endpoints", cls=CommandGroup)
def endpoints_group() -> None:
    """URLs of host applications that receive events."""


@endpoints_group.command(
    "add",
    examples=(
        "signalpost endpoints add https://example.org/hooks --user 17",
        "signalpost endpoints add https://example.org/hooks --user 17 --event post.published",
    ),
    fields=f"{ENDPOINT_FIELDS} secret",
)
@click.argument("url")
@OWNER_OPTION
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([*EVENT_TYPES]),
    help="Deliver only this event; may be repeated. Default: all events.",
)
@click.option("--description", default="", help="A description for people.")
@prints_results
def add_endpoint(url: str, user: str, events: tuple[str, ...], description: str) -> CommandResult:
    """Add an endpoint; its secret is shown once."""
    container = load_container()
    with container.database.transaction() as session:
        new_endpoint = endpoints.create_endpoint(
            session,
            container.services,
            users.find_user(session, user).id,
            url=url,
            events=events,
            description=description,
        )
    text = f"endpoint {new_endpoint.endpoint.id}: {url}\nsecret: {new_endpoint.secret.reveal()}"
    return CommandResult(text, serialize_endpoint_with_secret(new_endpoint))


@endpoints_group.command(
    "list",
    examples=("signalpost endpoints list --user eve@example.org",),
    item_fields=ENDPOINT_FIELDS,
)
@OWNER_OPTION
@prints_results
def list_endpoints(user: str) -> CommandResult:
    """List the endpoints of a user."""
    with load_container().database.transaction() as session:
        rows = endpoints.list_endpoints(session, users.find_user(session, user).id)
    lines = [describe_endpoint(endpoint) for endpoint in rows]
    return list_result([serialize_endpoint(row) for row in rows], lines, empty="no endpoints")


def describe_endpoint(endpoint: Endpoint) -> str:
    state = "on" if endpoint.disabled_at is None else f"off ({endpoint.disabled_cause})"
    return f"endpoint {endpoint.id}: {state}, {endpoint.url}"


@endpoints_group.command(
    "rotate",
    examples=("signalpost endpoints rotate 17",),
    fields=f"{ENDPOINT_FIELDS} secret",
)
@ENDPOINT_ID
@prints_results
def rotate_secret(endpoint_id: int) -> CommandResult:
    """Create a new secret, shown once.

    The old one stays valid for 24 hours.
    """
    container = load_container()
    with container.database.transaction() as session:
        owner_id = get_owner_id(session, endpoint_id)
        new_secret = endpoints.rotate_secret(
            session, container.services, endpoint_id, user_id=owner_id
        )
    return CommandResult(
        f"secret: {new_secret.secret.reveal()}", serialize_endpoint_with_secret(new_secret)
    )


@endpoints_group.command(
    "enable",
    examples=("signalpost endpoints enable 17",),
    fields=ENDPOINT_FIELDS,
)
@ENDPOINT_ID
@prints_results
def enable_endpoint(endpoint_id: int) -> CommandResult:
    """Enable an endpoint and deliver the events that waited for it."""
    return set_enabled(endpoint_id, enabled=True)


@endpoints_group.command(
    "disable",
    examples=("signalpost endpoints disable 17",),
    fields=ENDPOINT_FIELDS,
)
@ENDPOINT_ID
@prints_results
def disable_endpoint(endpoint_id: int) -> CommandResult:
    """Disable an endpoint: nothing is delivered until it is enabled."""
    return set_enabled(endpoint_id, enabled=False)


def set_enabled(endpoint_id: int, *, enabled: bool) -> CommandResult:
    container = load_container()
    with container.database.transaction() as session:
        owner_id = get_owner_id(session, endpoint_id)
        endpoint = endpoints.update_endpoint(
            session, container.services, endpoint_id, user_id=owner_id, enabled=enabled
        )
        session.refresh(endpoint)
    container.services.wake("outbox")
    return CommandResult(
        f"endpoint {endpoint_id}: {'on' if enabled else 'off'}", serialize_endpoint(endpoint)
    )


@endpoints_group.command(
    "remove",
    examples=(
        "signalpost endpoints remove 17",
        "signalpost endpoints remove 17 --yes",
    ),
    fields="id",
)
@ENDPOINT_ID
@YES_OPTION
@prints_results
def remove_endpoint(endpoint_id: int, *, is_confirmed: bool) -> CommandResult:
    """Remove an endpoint with its deliveries, pending ones included."""
    database = load_container().database
    with database.transaction() as session:
        get_owner_id(session, endpoint_id)
    require_confirmation(
        f"Remove endpoint {endpoint_id} with its deliveries, pending ones included?",
        is_confirmed=is_confirmed,
    )
    with database.transaction() as session:
        endpoints.delete_endpoint(session, endpoint_id, user_id=get_owner_id(session, endpoint_id))
    return CommandResult(f"endpoint {endpoint_id} is removed", {"id": endpoint_id})


@endpoints_group.command(
    "test",
    examples=("signalpost endpoints test 17",),
    fields=DELIVERY_FIELDS,
)
@ENDPOINT_ID
@prints_results
def send_test_event(endpoint_id: int) -> CommandResult:
    """Send an `endpoint.test` event; a worker delivers it."""
    container = load_container()
    with container.database.transaction() as session:
        delivery_view = endpoints.send_test_message(
            session, endpoint_id, user_id=get_owner_id(session, endpoint_id)
        )
    container.services.wake("outbox")
    return CommandResult(
        f"delivery {delivery_view.delivery.id} is on its way", serialize_delivery(delivery_view)
    )


@endpoints_group.command(
    "deliveries",
    examples=("signalpost endpoints deliveries 17 --limit 100",),
    item_fields=DELIVERY_FIELDS,
)
@ENDPOINT_ID
@click.option(
    "--limit", type=click.IntRange(1, 100), default=25, show_default=True, help="How many at most."
)
@prints_results
def list_deliveries(endpoint_id: int, limit: int) -> CommandResult:
    """List the deliveries of an endpoint, newest first."""
    with load_container().database.transaction() as session:
        owner_id = get_owner_id(session, endpoint_id)
        page = endpoints.list_deliveries(session, endpoint_id, user_id=owner_id, limit=limit)
    lines = [describe_delivery(delivery) for delivery in page.deliveries]
    rows = [serialize_delivery(delivery) for delivery in page.deliveries]
    return list_result(rows, lines, empty="no deliveries")


def describe_delivery(delivery_view: DeliveryDetails) -> str:
    message = delivery_view.message
    return (
        f"delivery {delivery_view.delivery.id}: {delivery_view.state}, {message.type} of "
        f"{message.subject}, {last_result(delivery_view)}"
    )


@endpoints_group.command(
    "redeliver",
    examples=("signalpost endpoints redeliver 4711",),
    fields=DELIVERY_FIELDS,
)
@DELIVERY_ID
@prints_results
def request_redelivery(delivery_id: int) -> CommandResult:
    """Deliver an event again under the same webhook-id."""
    container = load_container()
    with container.database.transaction() as session:
        row = session.get(Delivery, delivery_id)
        if row is None:
            raise NotFound(f"there is no delivery {delivery_id}")
        owner_id = get_owner_id(session, row.endpoint_id)
        delivery_view = endpoints.redeliver_message(session, delivery_id, user_id=owner_id)
    container.services.wake("outbox")
    return CommandResult(f"delivery {delivery_id} is on its way", serialize_delivery(delivery_view))


@endpoints_group.command(
    "discard",
    examples=(
        "signalpost endpoints discard 17 --since 2026-11-20 --dry-run",
        "signalpost endpoints discard 17 --since 2026-11-20 --yes",
    ),
    fields="endpointId count dryRun discardedAt",
)
@ENDPOINT_ID
@click.option(
    "--since",
    type=click.DateTime(),
    required=True,
    help="Those whose last try failed since then, in UTC.",
)
@click.option("--dry-run", is_flag=True, help="Only count them, up to 1,000.")
@YES_OPTION
@prints_results
def discard_deliveries(
    endpoint_id: int, *, since: datetime, dry_run: bool, is_confirmed: bool
) -> CommandResult:
    """Give failed deliveries up, the oldest 1,000 at most.

    They can still be redelivered. `restore` takes it back.
    """
    since = since.replace(tzinfo=UTC)
    database = load_container().database
    with database.transaction() as session:
        owner_id = get_owner_id(session, endpoint_id)
        count = endpoints.count_dead_deliveries(session, endpoint_id, user_id=owner_id, since=since)
    most = endpoints.MAX_REDELIVERIES
    number = f"more than {most}" if count > most else f"{count}"
    if dry_run:
        data = {"count": min(count, most), "dryRun": True, "discardedAt": None}
        return CommandResult(f"{number} would be discarded", {"endpointId": endpoint_id, **data})
    require_confirmation(
        f"Discard {number} failed deliveries of endpoint {endpoint_id}?", is_confirmed=is_confirmed
    )
    with database.transaction() as session:
        discarded = endpoints.discard_dead(session, endpoint_id, user_id=owner_id, since=since)
    return CommandResult(
        f"{len(discarded.ids)} discarded; take it back with"
        f" `signalpost endpoints restore {endpoint_id} {discarded.at.isoformat()}`",
        {
            "endpointId": endpoint_id,
            "count": len(discarded.ids),
            "dryRun": False,
            "discardedAt": discarded.at,
        },
    )


@endpoints_group.command(
    "restore",
    examples=("signalpost endpoints restore 17 2026-11-30T09:30:00.123456+00:00",),
    fields="endpointId restored",
)
@ENDPOINT_ID
@click.argument("discarded_at", metavar="TIME")
@prints_results
def restore_deliveries(endpoint_id: int, discarded_at: str) -> CommandResult:
    """Make discarded deliveries failed ones again.

    TIME is what `discard` printed. What was redelivered since is left as it is.
    """
    at = parse_batch_time(discarded_at)
    with load_container().database.transaction() as session:
        owner_id = get_owner_id(session, endpoint_id)
        ids = endpoints.restore_discarded(session, endpoint_id, user_id=owner_id, at=at)
    return CommandResult(f"{len(ids)} restored", {"endpointId": endpoint_id, "restored": len(ids)})


def last_result(delivery_view: DeliveryDetails) -> str | int:
    """Return the error or HTTP status of the last attempt."""
    if not delivery_view.attempts:
        return "not attempted yet"
    attempt = delivery_view.attempts[-1]
    return attempt.error or attempt.status or "no result recorded"


def get_owner_id(session: Session, endpoint_id: int) -> int:
    """Return the id of the endpoint's owner, for whom the command acts. Errors: NotFound."""
    endpoint = session.get(Endpoint, endpoint_id)
    if endpoint is None:
        raise NotFound(f"there is no endpoint {endpoint_id}")
    return endpoint.user_id
