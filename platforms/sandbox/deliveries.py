"""Webhook deliveries as values: what is sent, where to, how it is signed or forged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from platforms.sandbox.clock import HOUR_SECONDS

# takes the body and the signed time, returns the signature headers
SignFunction = Callable[[bytes, float], Mapping[str, str]]

MAX_RETRY_WAIT = HOUR_SECONDS  # between two attempts
MAX_DELIVERY_AGE = 72 * HOUR_SECONDS


@dataclass(frozen=True)
class DeliveryTarget:
    """Where deliveries go. Units: `timeout` and `first_wait` are seconds.

    `first_wait` doubles with every attempt. `keep_timestamp`: sign every attempt with the time of
    the event instead of that of the attempt. `has_immediate_retry`: the second attempt follows the
    first at once. `max_age`: the time after which a delivery is given up.
    """

    url: str
    timeout: float
    first_wait: float
    keep_timestamp: bool = False
    has_immediate_retry: bool = False
    max_age: float = MAX_DELIVERY_AGE

    def retry_wait(self, attempts: int) -> float:
        """Return the seconds from the last of so many attempts to the next one."""
        doublings = attempts - 1 - self.has_immediate_retry
        if doublings < 0:
            return 0.0
        return min(self.first_wait * 2.0 ** min(doublings, 30), MAX_RETRY_WAIT)


@dataclass(frozen=True)
class WebhookMessage:
    """What one request delivers: an event, or several in one body.

    `foreign_body` is the same event of another app. `forgery` names the way in which the delivery
    is forged; a forged one is sent once. `rebuild` gives the body of a repeated attempt at a time,
    if it differs; `split_up` the messages that replace this one after a failed attempt.
    """

    event: str
    body: bytes
    foreign_body: bytes
    sign: SignFunction
    target: DeliveryTarget
    facts: Mapping[str, Any] = field(default_factory=dict)
    forgery: str | None = None
    rebuild: Callable[[float], bytes] | None = None
    split_up: Callable[[], Sequence["WebhookMessage"]] | None = None

    def repeat_at(self, time: float) -> "WebhookMessage":
        """Return the message as a repeated attempt sends it."""
        return self if self.rebuild is None else replace(self, body=self.rebuild(time))


SignedRequest = tuple[Mapping[str, str], bytes]  # headers and body as sent


def build_valid(message: WebhookMessage, signed_at: float) -> SignedRequest:
    return message.sign(message.body, signed_at), message.body


def build_bad_signature(message: WebhookMessage, signed_at: float) -> SignedRequest:
    return message.sign(message.body + b"?", signed_at), message.body


def build_stale(message: WebhookMessage, signed_at: float) -> SignedRequest:
    return message.sign(message.body, signed_at - HOUR_SECONDS), message.body


def build_altered(message: WebhookMessage, signed_at: float) -> SignedRequest:
    return message.sign(message.body, signed_at), message.body + b" "


def build_wrong_client(message: WebhookMessage, signed_at: float) -> SignedRequest:
    return message.sign(message.foreign_body, signed_at), message.foreign_body


FORGERIES: Mapping[str, Callable[[WebhookMessage, float], SignedRequest]] = {
    "bad_signature": build_bad_signature,
    "stale": build_stale,
    "altered": build_altered,
    "wrong_client": build_wrong_client,
}


@dataclass
class SandboxAttempt:
    """One attempt of a delivery; `status` is the receiver's answer, None without one."""

    at: float
    status: int | None
    fault: str | None = None


@dataclass
class SandboxDelivery:
    """A delivery and its attempts.

    `state`: waiting, delivered, lost (by a fault), given_up (at its greatest age), refused (a
    forgery), split_up (other deliveries carry its events).
    """

    id: int
    message: WebhookMessage
    created_at: float
    created_wall_time: float
    state: str = "waiting"
    attempts: list[SandboxAttempt] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": self.message.event,
            "state": self.state,
            "created_at": self.created_at,
            "body": self.message.body.decode(),
            "attempts": [asdict(attempt) for attempt in self.attempts],
            **self.message.facts,
        }
