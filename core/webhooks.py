"""What platforms tell us: judged, stored, and only then acknowledged; `core/apply.py` applies it.

Must not do anything about a notice while its sender waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.apply import WORK
from core.deliveries import Delivery, judge
from core.errors import CoreError, NotFound
from core.inbox import Busy, Inbox, Refused
from core.wiring import World
from db.arrivals import Stored
from db.base import PROVIDERS
from db.session import Database
from db.webhooks import Events, Wanted
from platforms.base import Webhooks
from platforms.errors import BadSignature

__all__ = ["WORK", "BadSignature", "Busy", "Inbox", "NotConfigured", "ear", "receive", "replay"]


class NotConfigured(CoreError):
    """Deliveries of this platform cannot be checked yet."""

    code = "webhook_not_configured"
    retryable = True


@dataclass(frozen=True)
class Receipt:
    stored: tuple[Stored, ...]

    @property
    def duplicate(self) -> bool:
        """Whether everything in the delivery was here before."""
        return all(one.duplicate for one in self.stored)


def ear(world: World, provider: str) -> Webhooks:
    """The platform's own. Errors: NotFound for a name no platform has; NotConfigured."""
    if provider not in PROVIDERS:
        raise NotFound("no platform has that name")
    app = world.settings.apps.get(provider)
    if app is None or not any(app.webhook_secrets):
        raise NotConfigured(f"{provider} has no webhook secret")
    return world.platform(provider).webhooks


def receive(
    inbox: Inbox,
    world: World,
    provider: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    correlation_id: str | None = None,
) -> Receipt:
    """Stored and committed when this returns: the delivery may be acknowledged.

    Errors: NotFound, NotConfigured; BadSignature; Invalid where the sender is told of a bad body;
    Busy if it is not stored within two seconds, so that the platform delivers it again.
    """
    adapter = ear(world, provider)
    verdict = adapter.verify(headers, body, now=world.now())
    judge(verdict, provider=provider, refuses_late=world.settings.apps[provider].refuses_late)
    delivery = Delivery(provider, body, verdict, correlation_id)
    return Receipt(tuple(keep(inbox, delivery, adapter)))


def keep(inbox: Inbox, delivery: Delivery, adapter: Webhooks) -> list[Stored]:
    """As it reads; if the database does not take it so, as the bytes that came. Errors: Busy."""
    try:
        return inbox.put(delivery.rows(adapter))
    except Refused:
        return again(inbox, delivery)


def again(inbox: Inbox, delivery: Delivery) -> list[Stored]:
    try:
        return inbox.put([delivery.raw()])
    except Refused as refused:
        raise Busy("the database takes it in no form") from refused


def replay(database: Database, wanted: Wanted) -> list[int]:
    """Set events due again with all their patience; which ones. The caller rings.

    Applying twice does no harm: news that is not newer moves nothing.
    """
    with database.transaction() as session:
        return Events(session).replay(wanted)
