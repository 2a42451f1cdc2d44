"""Brings deliveries to the receiver, again and again until it answers 200. Knows no platform.

Source: TikTok, webhooks-overview, read 2026-11-22: HTTP 200 at once, else exponential backoff for
up to 72 h, at least once. Intervals and timeout are not documented; ours are settings.
"""

import threading
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from platforms.sandbox.agenda import Agenda, in_background
from platforms.sandbox.clock import Clock
from platforms.sandbox.faults import WEBHOOK, Fault, Faults
from platforms.sandbox.letters import (
    GIVE_UP_AFTER,
    LONGEST_WAIT,
    SPOILS,
    Attempt,
    Delivery,
    Letter,
    honest,
)

OK = 200


class Courier:
    def __init__(self, clock: Clock, agenda: Agenda, faults: Faults) -> None:
        self._clock, self._agenda, self._faults = clock, agenda, faults
        self._deliveries: list[Delivery] = []
        self._held: list[Delivery] = []
        self._lock = threading.Lock()

    def hand(self, letter: Letter) -> Delivery:
        """Takes a letter; it is on its way, or waits for its trick, when this returns."""
        with self._lock:
            number = len(self._deliveries) + 1
            delivery = Delivery(number, letter, self._clock.time, self._clock.wall)
            self._deliveries.append(delivery)
        self.set_out(delivery)
        return delivery

    def listed(self) -> list[dict[str, object]]:
        with self._lock:
            return [delivery.told() for delivery in self._deliveries]

    def set_out(self, delivery: Delivery) -> None:
        fault = None if delivery.letter.spoil else self._faults.take(WEBHOOK)
        if fault is None:
            return in_background(lambda: self._send(delivery, delivery.letter.spoil))
        return TRICKS[fault.kind](self, delivery, fault)

    def duplicate(self, delivery: Delivery, fault: Fault) -> None:
        in_background(lambda: self._send(delivery))
        for _ in range(fault.copies - 1):
            in_background(lambda: self._attempt(delivery, fault.kind))

    def delay(self, delivery: Delivery, fault: Fault) -> None:
        seconds = 5.0 if fault.seconds is None else fault.seconds
        self._agenda.after(seconds, lambda: in_background(lambda: self._send(delivery)))

    def lose(self, delivery: Delivery, fault: Fault) -> None:
        delivery.attempts.append(Attempt(self._clock.time, None, fault.kind))
        delivery.state = "lost"

    def shuffle(self, delivery: Delivery, fault: Fault) -> None:
        """Holds deliveries back until a pack of `copies` is complete, and sends the last first."""
        with self._lock:
            self._held.append(delivery)
            is_full = len(self._held) >= fault.copies
        seconds = 5.0 if fault.seconds is None else fault.seconds
        self._agenda.after(0.0 if is_full else seconds, self._release)

    def spoil(self, delivery: Delivery, fault: Fault) -> None:
        in_background(lambda: self._send(delivery, fault.kind))

    def _release(self) -> None:
        with self._lock:
            pack, self._held = self._held[::-1], []
        in_background(lambda: self._send_in_turn(pack))

    def _send_in_turn(self, pack: list[Delivery]) -> None:
        for delivery in pack:
            self._send(delivery)

    def _send(self, delivery: Delivery, spoil: str | None = None) -> None:
        status = self._attempt(delivery, spoil)
        if status == OK:
            delivery.state = "delivered"
        elif delivery.letter.spoil:
            delivery.state = "refused"  # a forger does not try again
        else:
            self._once_more(delivery)

    def _attempt(self, delivery: Delivery, trick: str | None = None) -> int | None:
        letter = delivery.letter
        t = delivery.t if letter.mailing.keep_t else self._clock.wall
        headers, body = SPOILS.get(trick or "", honest)(letter, t)
        status = post(letter.mailing.url, headers, body, timeout=letter.mailing.timeout)
        delivery.attempts.append(Attempt(self._clock.time, status, trick))
        return status

    def _once_more(self, delivery: Delivery) -> None:
        mailing, tries = delivery.letter.mailing, len(delivery.attempts)
        wait = min(mailing.first_wait * 2.0 ** min(tries - 1, 30), LONGEST_WAIT)
        if self._clock.time + wait - delivery.created_at > GIVE_UP_AFTER:
            delivery.state = "given_up"
        else:
            self._agenda.after(wait, lambda: self.set_out(delivery))


Trick = Callable[[Courier, Delivery, Fault], None]
TRICKS: Mapping[str, Trick] = {
    "duplicate": Courier.duplicate,
    "delay": Courier.delay,
    "lose": Courier.lose,
    "shuffle": Courier.shuffle,
    **dict.fromkeys(SPOILS, Courier.spoil),
}


def post(url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> int | None:
    """The receiver's status; None if there was none. Redirects are not followed."""
    target = urlsplit(url)
    kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
    connection = kind(target.hostname or "", target.port, timeout=timeout)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
