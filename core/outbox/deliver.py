"""Messages are brought to endpoints: due rows like all others, one POST to a try.

2xx is heard, whatever the answer says; everything else is tried again along the curve. An endpoint
that keeps failing gets a rest, so that it holds up nobody else, and in the end is disabled.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from core.backoff import NO_FLOOR, Policy, minutes, seconds
from core.crypto import Context, endpoint_context
from core.engine.kinds import Work
from core.outbox.giving_up import judge
from core.outbox.signature import headers
from core.outcomes import Again, Failure, Held, Later
from core.watch import metrics
from core.wiring import World
from db.deliveries import DELIVERIES, EXCERPT, Deliveries, Delivery, Tries
from db.endpoints import Endpoint, Endpoints, EndpointSecrets
from db.session import Session
from platforms.errors import PlatformError
from platforms.http import ONCE

POLICY = Policy(seconds(5) + minutes(5, 30, 120, 300, 600, 600), exact=True)
"""Standard Webhooks' example; receivers plan with it, so no step is cut short."""

HEARD = Again(None, progressed=False)  # `attempts` goes on telling how many tries it took
OK, REDIRECTED, GONE = range(200, 300), range(300, 400), 410
ASKING_TO_WAIT = frozenset({429, 503})
TROUBLED = 5  # tries in vain in a row, after which an endpoint rests between two tries
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


@dataclass(frozen=True)
class Job:
    entry: int  # of the log of tries
    url: str
    name: str
    body: str
    sealed: tuple[str, ...]
    context: Context


@dataclass(frozen=True)
class Tried:
    """How a try went, as far as anything came back."""

    entry: int
    took: timedelta
    status: int | None = None
    error: str | None = None
    answer: str | None = None
    retry_after: timedelta = NO_FLOOR

    @property
    def fault(self) -> Failure | None:
        if self.status is None:
            return Failure(self.error or "failed", "no answer came")
        if self.status in OK:
            return None
        said = "redirects are not followed" if self.status in REDIRECTED else "not a 2xx"
        return Failure(
            f"http_{self.status}",
            said,
            retryable=self.status != GONE,
            at_least=self.retry_after if self.status in ASKING_TO_WAIT else NO_FLOOR,
        )

    @property
    def outcome(self) -> str:
        """One of few words, for whoever counts: a stranger must not make up new ones."""
        return self.error or f"{(self.status or 0) // 100}xx"


def brief(session: Session, delivery: Delivery) -> Job:
    """Errors: Held while the endpoint is disabled; Later while it rests."""
    message, endpoint = Deliveries(session).context(delivery)
    if endpoint.disabled_at is not None:
        raise Held("the endpoint is disabled")
    if not (delivery.asked or may_go(session, endpoint)):
        raise Later(rest(endpoint.failures), "the endpoint rests")
    delivery.asked = False
    return Job(
        entry=Tries(session).open(delivery),
        url=endpoint.url,
        name=message.name,
        body=message.body,
        sealed=tuple(one.secret_encrypted for one in EndpointSecrets(session).alive(endpoint.id)),
        context=endpoint_context(endpoint.id, endpoint.user_id),
    )


def may_go(session: Session, endpoint: Endpoint) -> bool:
    """One in each rest finds out whether an endpoint in trouble is well again."""
    if endpoint.failures < TROUBLED:
        return True
    return Endpoints(session).probe(endpoint.id, after=rest(endpoint.failures))


def rest(failures: int) -> timedelta:
    return min(SHORTEST_REST * (1 << min(failures - TROUBLED, 10)), LONGEST_REST)


def perform(job: Job, world: World) -> Tried:
    """Errors: CannotOpen. Whatever the other side does is no error but a try."""
    secrets = [world.keys.open(sealed, job.context) for sealed in job.sealed]
    if not (job.url.startswith("https://") or world.settings.endpoint_private_hosts):
        return Tried(job.entry, NO_FLOOR, error="not_https")
    body = job.body.encode()
    signed = headers(job.name, body, at=world.now(), signed_with=secrets)
    began = time.monotonic()
    told = {"Content-Type": "application/json", "Accept": "*/*", "Connection": "close", **signed}
    try:
        reply = world.outside.call(
            "POST", job.url, endpoint="deliver", repeat=ONCE, headers=told, data=body
        )
    except PlatformError as error:
        return Tried(job.entry, since(began), error=error.code)
    answer = reply.body.decode("utf-8", "replace").replace("\x00", "\ufffd")[:EXCERPT]
    return Tried(job.entry, since(began), reply.status, None, answer, reply.retry_after)


def since(began: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - began)


def record(session: Session, delivery: Delivery, tried: Tried) -> Again | Failure:
    fault = tried.fault
    Tries(session).close(
        tried.entry,
        milliseconds=round(tried.took / timedelta(milliseconds=1)),
        status=tried.status,
        error=fault and fault.code,
        answer=tried.answer,
    )
    metrics.DELIVERIES.labels(tried.outcome).inc()
    if fault is not None:
        judge(session, delivery.endpoint_id, is_gone=tried.status == GONE)
        return fault
    delivery.delivered_at = Deliveries.now()
    Endpoints(session).heard(delivery.endpoint_id)
    return HEARD


def put_back(session: Session, delivery: Delivery, why: Failure | Later) -> None:
    """What went wrong on our side stands in the log too."""
    if isinstance(why, Failure):
        Tries(session).fail(delivery, why.code)


def give_up(session: Session, delivery: Delivery, failure: Failure) -> None:
    """A dead letter, until somebody asks for it again."""
    put_back(session, delivery, failure)
    delivery.dead_at = Deliveries.now()


WORK: Work[Delivery, Job, Tried] = Work(
    kind="outbox",
    bell="outbox",
    queue=DELIVERIES,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=16,
    pool=16,
    ledger=False,  # it has a log of its own, which its owner may read
)
