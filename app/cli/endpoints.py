"""Endpoints of host applications from a terminal: made, listed, tried out, told once more."""

from collections.abc import Iterator

import click

from app.api.endpoints import serialize_delivery, serialize_endpoint, serialize_endpoint_with_secret
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core import endpoints as desk
from core.errors import NotFound
from core.outbox import EVENT_TYPES
from db.identity.users import Users
from db.outbox.deliveries import Delivery
from db.outbox.endpoints import Endpoint
from db.session import Session

ROW_ID = click.IntRange(min=1)
OWNER_OPTION = click.option("--user", "email", required=True, help="Whose it is, by e-mail.")


@click.group
def endpoints() -> None:
    """Addresses of host applications that are told what happens."""


@endpoints.command("add")
@click.argument("url")
@OWNER_OPTION
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([*EVENT_TYPES]),
    help="Only these; else all.",
)
@click.option("--description", default="", help="For people.")
@prints_results
def add(url: str, email: str, events: tuple[str, ...], description: str) -> CommandResult:
    """Add an endpoint; its secret is shown this once."""
    container = load_container()
    with container.database.transaction() as session:
        new_endpoint = desk.create_endpoint(
            session,
            container.services,
            find_user_id(session, email),
            url=url,
            events=events,
            description=description,
        )
    text = f"endpoint {new_endpoint.endpoint.id}: {url}\nsecret: {new_endpoint.secret.reveal()}"
    return CommandResult(text, serialize_endpoint_with_secret(new_endpoint))


@endpoints.command("list")
@OWNER_OPTION
@prints_results
def list_endpoints(email: str) -> Iterator[CommandResult]:
    """Show the endpoints of a user."""
    with load_container().database.transaction() as session:
        rows = desk.list_endpoints(session, find_user_id(session, email))
    for endpoint in rows:
        state = "on" if endpoint.disabled_at is None else f"off ({endpoint.disabled_cause})"
        yield CommandResult(f"{endpoint.id}  {state}  {endpoint.url}", serialize_endpoint(endpoint))


@endpoints.command("rotate")
@click.argument("endpoint_id", type=ROW_ID)
@prints_results
def rotate(endpoint_id: int) -> CommandResult:
    """Make a new secret, shown this once; the old one signs beside it for 24 hours."""
    container = load_container()
    with container.database.transaction() as session:
        owner_id = find_owner_id(session, endpoint_id)
        new_secret = desk.rotate_secret(session, container.services, endpoint_id, user_id=owner_id)
    return CommandResult(
        f"secret: {new_secret.secret.reveal()}", serialize_endpoint_with_secret(new_secret)
    )


@endpoints.command("enable")
@click.argument("endpoint_id", type=ROW_ID)
@prints_results
def enable(endpoint_id: int) -> CommandResult:
    """Tell an endpoint again, also what has waited for it."""
    return set_enabled(endpoint_id, enabled=True)


@endpoints.command("disable")
@click.argument("endpoint_id", type=ROW_ID)
@prints_results
def disable(endpoint_id: int) -> CommandResult:
    """Tell an endpoint nothing until it is enabled."""
    return set_enabled(endpoint_id, enabled=False)


def set_enabled(endpoint_id: int, *, enabled: bool) -> CommandResult:
    container = load_container()
    with container.database.transaction() as session:
        owner_id = find_owner_id(session, endpoint_id)
        endpoint = desk.update_endpoint(
            session, container.services, endpoint_id, user_id=owner_id, enabled=enabled
        )
        session.refresh(endpoint)
    container.services.wake("outbox")
    return CommandResult(
        f"endpoint {endpoint_id}: {'on' if enabled else 'off'}", serialize_endpoint(endpoint)
    )


@endpoints.command("remove")
@click.argument("endpoint_id", type=ROW_ID)
@click.confirmation_option(prompt="Its log and what waits for it go, too. Remove it?")
@prints_results
def remove(endpoint_id: int) -> CommandResult:
    """Remove an endpoint with its log and what was still to be delivered there."""
    with load_container().database.transaction() as session:
        desk.delete_endpoint(session, endpoint_id, user_id=find_owner_id(session, endpoint_id))
    return CommandResult(f"endpoint {endpoint_id} is removed", {"id": endpoint_id})


@endpoints.command("test")
@click.argument("endpoint_id", type=ROW_ID)
@prints_results
def test(endpoint_id: int) -> CommandResult:
    """Send an `endpoint.test`; a worker delivers it."""
    container = load_container()
    with container.database.transaction() as session:
        delivery_view = desk.send_test_message(
            session, endpoint_id, user_id=find_owner_id(session, endpoint_id)
        )
    container.services.wake("outbox")
    return CommandResult(
        f"delivery {delivery_view.delivery.id} is on its way", serialize_delivery(delivery_view)
    )


@endpoints.command("deliveries")
@click.argument("endpoint_id", type=ROW_ID)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True)
@prints_results
def deliveries(endpoint_id: int, limit: int) -> Iterator[CommandResult]:
    """Show what an endpoint was told, the newest first."""
    with load_container().database.transaction() as session:
        owner_id = find_owner_id(session, endpoint_id)
        page = desk.list_deliveries(session, endpoint_id, user_id=owner_id, limit=limit)
    for delivery_view in page.deliveries:
        row, last_attempt = (
            delivery_view.delivery,
            delivery_view.tries[-1] if delivery_view.tries else None,
        )
        outcome = (
            (last_attempt.error or last_attempt.status or "no end recorded")
            if last_attempt
            else "not tried yet"
        )
        line = f"{row.id}  {delivery_view.state}  {delivery_view.message.type}  {delivery_view.message.subject}  {outcome}"
        yield CommandResult(line, serialize_delivery(delivery_view))


@endpoints.command("redeliver")
@click.argument("delivery_id", type=ROW_ID)
@prints_results
def redeliver(delivery_id: int) -> CommandResult:
    """Deliver once more, under the same webhook-id."""
    container = load_container()
    with container.database.transaction() as session:
        row = session.get(Delivery, delivery_id)
        if row is None:
            raise NotFound(f"no delivery {delivery_id}")
        owner_id = find_owner_id(session, row.endpoint_id)
        delivery_view = desk.redeliver_message(session, delivery_id, user_id=owner_id)
    container.services.wake("outbox")
    return CommandResult(f"delivery {delivery_id} is on its way", serialize_delivery(delivery_view))


def find_user_id(session: Session, email: str) -> int:
    """Errors: NotFound."""
    user = Users(session).get_by_email(email)
    if user is None:
        raise NotFound(f"no user has the e-mail {email}")
    return user.id


def find_owner_id(session: Session, endpoint_id: int) -> int:
    """Whose it is: whoever has this terminal may act for anybody. Errors: NotFound."""
    endpoint = session.get(Endpoint, endpoint_id)
    if endpoint is None:
        raise NotFound(f"no endpoint {endpoint_id}")
    return endpoint.user_id
