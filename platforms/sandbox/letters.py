"""A delivery as a value: what is sent, where to, how it is signed, and how it can be spoilt."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Sign = Callable[[bytes, float], Mapping[str, str]]  # body and time to the headers that vouch for it

HOUR = 3600.0
LONGEST_WAIT = HOUR  # seconds between two attempts
GIVE_UP_AFTER = 72 * HOUR


@dataclass(frozen=True)
class Mailing:
    """Where deliveries go. `first_wait` doubles with every attempt; `keep_t` never signs anew."""

    url: str
    timeout: float
    first_wait: float
    keep_t: bool = False


@dataclass(frozen=True)
class Letter:
    """`foreign` is the same event of somebody else's app. `spoil` makes a one-off forgery of it."""

    event: str
    body: bytes
    foreign: bytes
    sign: Sign
    mailing: Mailing
    facts: Mapping[str, Any] = field(default_factory=dict)
    spoil: str | None = None


Parcel = tuple[Mapping[str, str], bytes]  # headers and body as sent


def honest(letter: Letter, t: float) -> Parcel:
    return letter.sign(letter.body, t), letter.body


def bad_signature(letter: Letter, t: float) -> Parcel:
    return letter.sign(letter.body + b"?", t), letter.body


def stale(letter: Letter, t: float) -> Parcel:
    return letter.sign(letter.body, t - HOUR), letter.body


def altered(letter: Letter, t: float) -> Parcel:
    return letter.sign(letter.body, t), letter.body + b" "


def wrong_client(letter: Letter, t: float) -> Parcel:
    return letter.sign(letter.foreign, t), letter.foreign


SPOILS: Mapping[str, Callable[[Letter, float], Parcel]] = {
    "bad_signature": bad_signature,
    "stale": stale,
    "altered": altered,
    "wrong_client": wrong_client,
}


@dataclass
class Attempt:
    """`status` is what the receiver answered, None if it did not."""

    at: float
    status: int | None
    fault: str | None = None


@dataclass
class Delivery:
    """State: waiting, delivered, lost on purpose, given_up after 72 h, or refused as a forgery."""

    id: int
    letter: Letter
    created_at: float
    t: float
    state: str = "waiting"
    attempts: list[Attempt] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "event": self.letter.event,
            "state": self.state,
            "created_at": self.created_at,
            "body": self.letter.body.decode(),
            "attempts": [asdict(attempt) for attempt in self.attempts],
            **self.letter.facts,
        }
