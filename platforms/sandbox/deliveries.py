"""A delivery as a value: what is sent, where to, how it is signed, and how it can be spoilt."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SignFunction = Callable[
    [bytes, float], Mapping[str, str]
]  # body and time to the headers that vouch for it

HOUR_SECONDS = 3600.0
MAX_RETRY_WAIT = HOUR_SECONDS  # seconds between two attempts
MAX_DELIVERY_AGE = 72 * HOUR_SECONDS


@dataclass(frozen=True)
class DeliveryTarget:
    """Where deliveries go. `first_wait` doubles with every attempt; `keep_t` never signs anew."""

    url: str
    timeout: float
    first_wait: float
    keep_timestamp: bool = False


@dataclass(frozen=True)
class WebhookMessage:
    """`foreign` is the same event of somebody else's app. `spoil` makes a one-off forgery of it."""

    event: str
    body: bytes
    foreign_body: bytes
    sign: SignFunction
    target: DeliveryTarget
    facts: Mapping[str, Any] = field(default_factory=dict)
    forgery: str | None = None


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
    """`status` is what the receiver answered, None if it did not."""

    at: float
    status: int | None
    fault: str | None = None


@dataclass
class SandboxDelivery:
    """State: waiting, delivered, lost on purpose, given_up after 72 h, or refused as a forgery."""

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
