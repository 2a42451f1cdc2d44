"""Endpoints of host applications from a terminal: made, listed, tried out, told once more."""

from collections.abc import Iterator

import click

from app.commands.around import house
from app.commands.spoken import Said, spoken
from app.endpoints import delivery, shown, with_secret
from core import endpoints as desk
from core.errors import NotFound
from core.outbox import EVENTS
from db.deliveries import Delivery
from db.endpoints import Endpoint
from db.session import Session
from db.users import Users

ID = click.IntRange(min=1)
OWNER = click.option("--user", "email", required=True, help="Whose it is, by e-mail.")


@click.group
def endpoints() -> None:
    """Addresses of host applications that are told what happens."""


@endpoints.command("add")
@click.argument("url")
@OWNER
@click.option(
    "--event", "events", multiple=True, type=click.Choice([*EVENTS]), help="Only these; else all."
)
@click.option("--description", default="", help="For people.")
@spoken
def add(url: str, email: str, events: tuple[str, ...], description: str) -> Said:
    """Add an endpoint; its secret is shown this once."""
    around = house()
    with around.database.transaction() as session:
        made = desk.make(
            session,
            around.world,
            owner(session, email),
            url=url,
            events=events,
            description=description,
        )
    text = f"endpoint {made.endpoint.id}: {url}\nsecret: {made.secret.reveal()}"
    return Said(text, with_secret(made))


@endpoints.command("list")
@OWNER
@spoken
def listing(email: str) -> Iterator[Said]:
    """Show the endpoints of a user."""
    with house().database.transaction() as session:
        found = desk.listing(session, owner(session, email))
    for each in found:
        state = "on" if each.disabled_at is None else f"off ({each.disabled_cause})"
        yield Said(f"{each.id}  {state}  {each.url}", shown(each))


@endpoints.command("rotate")
@click.argument("endpoint_id", type=ID)
@spoken
def rotate(endpoint_id: int) -> Said:
    """Make a new secret, shown this once; the old one signs beside it for 24 hours."""
    around = house()
    with around.database.transaction() as session:
        owner_id = of_endpoint(session, endpoint_id)
        made = desk.rotate(session, around.world, endpoint_id, user_id=owner_id)
    return Said(f"secret: {made.secret.reveal()}", with_secret(made))


@endpoints.command("enable")
@click.argument("endpoint_id", type=ID)
@spoken
def enable(endpoint_id: int) -> Said:
    """Tell an endpoint again, also what has waited for it."""
    return switched(endpoint_id, enabled=True)


@endpoints.command("disable")
@click.argument("endpoint_id", type=ID)
@spoken
def disable(endpoint_id: int) -> Said:
    """Tell an endpoint nothing until it is enabled."""
    return switched(endpoint_id, enabled=False)


def switched(endpoint_id: int, *, enabled: bool) -> Said:
    around = house()
    with around.database.transaction() as session:
        owner_id = of_endpoint(session, endpoint_id)
        endpoint = desk.change(
            session, around.world, endpoint_id, user_id=owner_id, enabled=enabled
        )
        session.refresh(endpoint)
    around.world.ring("outbox")
    return Said(f"endpoint {endpoint_id}: {'on' if enabled else 'off'}", shown(endpoint))


@endpoints.command("remove")
@click.argument("endpoint_id", type=ID)
@click.confirmation_option(prompt="Its log and what waits for it go, too. Remove it?")
@spoken
def remove(endpoint_id: int) -> Said:
    """Remove an endpoint with its log and what was still to be delivered there."""
    with house().database.transaction() as session:
        desk.remove(session, endpoint_id, user_id=of_endpoint(session, endpoint_id))
    return Said(f"endpoint {endpoint_id} is removed", {"id": endpoint_id})


@endpoints.command("test")
@click.argument("endpoint_id", type=ID)
@spoken
def test(endpoint_id: int) -> Said:
    """Send an `endpoint.test`; a worker delivers it."""
    around = house()
    with around.database.transaction() as session:
        told = desk.test(session, endpoint_id, user_id=of_endpoint(session, endpoint_id))
    around.world.ring("outbox")
    return Said(f"delivery {told.delivery.id} is on its way", delivery(told))


@endpoints.command("deliveries")
@click.argument("endpoint_id", type=ID)
@click.option("--limit", type=click.IntRange(1, 100), default=25, show_default=True)
@spoken
def deliveries(endpoint_id: int, limit: int) -> Iterator[Said]:
    """Show what an endpoint was told, the newest first."""
    with house().database.transaction() as session:
        owner_id = of_endpoint(session, endpoint_id)
        page = desk.page(session, endpoint_id, user_id=owner_id, limit=limit)
    for told in page.told:
        row, last = told.delivery, told.tries[-1] if told.tries else None
        how = (last.error or last.status or "no end recorded") if last else "not tried yet"
        line = f"{row.id}  {told.state}  {told.message.type}  {told.message.subject}  {how}"
        yield Said(line, delivery(told))


@endpoints.command("redeliver")
@click.argument("delivery_id", type=ID)
@spoken
def redeliver(delivery_id: int) -> Said:
    """Deliver once more, under the same webhook-id."""
    around = house()
    with around.database.transaction() as session:
        row = session.get(Delivery, delivery_id)
        if row is None:
            raise NotFound(f"no delivery {delivery_id}")
        owner_id = of_endpoint(session, row.endpoint_id)
        told = desk.redeliver(session, delivery_id, user_id=owner_id)
    around.world.ring("outbox")
    return Said(f"delivery {delivery_id} is on its way", delivery(told))


def owner(session: Session, email: str) -> int:
    """Errors: NotFound."""
    found = Users(session).by_email(email)
    if found is None:
        raise NotFound(f"no user has the e-mail {email}")
    return found.id


def of_endpoint(session: Session, endpoint_id: int) -> int:
    """Whose it is: whoever has this terminal may act for anybody. Errors: NotFound."""
    found = session.get(Endpoint, endpoint_id)
    if found is None:
        raise NotFound(f"no endpoint {endpoint_id}")
    return found.user_id
