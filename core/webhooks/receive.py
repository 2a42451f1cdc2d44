"""What platforms tell us: judged, stored, and only then acknowledged; `apply.py` applies it.

Must not do anything about a notice while its sender waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from core import audit
from core.engine.kinds import Report
from core.engine.work import run
from core.errors import CoreError, NotFound
from core.watch import metrics
from core.webhooks.apply import work
from core.webhooks.deliveries import Delivery, judge
from core.webhooks.handlers import HANDLERS
from core.webhooks.inbox import Busy, Inbox, Refused
from core.wiring import World
from db.arrivals import Arrival, Stored
from db.base import PROVIDERS
from db.session import Database
from db.webhooks import Events, Wanted
from platforms.base import Webhooks

NOTED = 100  # ids of a replay in the audit log


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


def ear(world: World, provider: str, *, greeting: bool = False) -> Webhooks:
    """The platform's own. Errors: NotFound for a name no platform has; NotConfigured."""
    if provider not in PROVIDERS:
        raise NotFound("no platform has that name")
    found = world.ears.get(provider)
    if found is None or not (found.greets if greeting else found.hears):
        lacks = "verify token" if greeting else "webhook secret"
        raise NotConfigured(f"{provider} has no {lacks}")
    return found


def judged(
    world: World,
    provider: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    correlation_id: str | None = None,
) -> Delivery:
    """What came, rightly signed. Errors: NotFound, NotConfigured, BadSignature."""
    adapter = ear(world, provider)
    verdict = adapter.verify(headers, body, now=world.now())
    app = world.settings.apps.get(provider)
    judge(verdict, provider=provider, refuses_late=app is not None and app.refuses_late)
    return Delivery(provider, body, verdict, correlation_id, adapter)


def receive(inbox: Inbox, delivery: Delivery) -> Receipt:
    """Stored and committed when this returns: the delivery may be acknowledged.

    As it reads; if the database does not take it so, as the bytes that came.
    Errors: BadSignature, Invalid where the sender is told of a bad body; Busy if it is not stored
    within two seconds, so that the platform delivers it again.
    """
    rows = delivery.rows()
    try:
        stored = inbox.put(rows)
    except Refused:
        rows = [delivery.raw()]
        stored = again(inbox, rows)
    return counted(rows, stored)


async def take_in(inbox: Inbox, delivery: Delivery) -> Receipt:
    """As `receive`, for a task of an event loop; and Refused where the rows need another form."""
    rows = delivery.rows()
    return counted(rows, await inbox.brought(rows))


def again(inbox: Inbox, rows: list[Arrival]) -> list[Stored]:
    try:
        return inbox.put(rows)
    except Refused as refused:
        raise Busy("the database takes it in no form") from refused


def counted(rows: list[Arrival], stored: list[Stored]) -> Receipt:
    """Kinds we do not handle share one label: the sender must not choose our labels."""
    for row, one in zip(rows, stored, strict=True):
        kind = row.event_type if row.event_type in HANDLERS else "other"
        result = "duplicate" if one.duplicate else "late" if row.late else "stored"
        metrics.of(metrics.WEBHOOK_RECEIVED, row.provider, kind, result).inc()
    return Receipt(tuple(stored))


def process(database: Database, world: World, *, limit: int) -> Report:
    """One batch of at most `limit`, here and now: beside the workers, never against them."""
    return run(replace(work(world), batch=limit), database, world)


def replay(database: Database, wanted: Wanted) -> list[int]:
    """Set events due again with all their patience; which ones. The caller rings.

    Applying twice does no harm: news that is not newer moves nothing.
    """
    with database.transaction() as session:
        replayed = Events(session).replay(wanted)
        audit.note(session, "webhooks.replayed", details={"ids": replayed[:NOTED]})
    return replayed
