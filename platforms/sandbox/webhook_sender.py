"""Sends webhook deliveries, again and again until the receiver answers 200.

Source: TikTok, webhooks-overview, read 2026-11-22: at least once; without HTTP 200 exponential
backoff for up to 72 h. Meta, webhooks, read 2026-11-22: at once, then with decreasing frequency for
36 h. Intervals and timeout are not documented, so they are settings.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from platforms.sandbox.clock import Clock
from platforms.sandbox.deliveries import (
    FORGERIES,
    SandboxAttempt,
    SandboxDelivery,
    WebhookMessage,
    build_valid,
)
from platforms.sandbox.faults import WEBHOOK_ENDPOINT, FaultRegistry, InjectedFault
from platforms.sandbox.scheduler import Scheduler, run_in_background
from platforms.sandbox.urls import request_target

OK = 200
FAULT_DELAY_SECONDS = 5.0  # default delay of `delay` and `shuffle`


class WebhookSender:
    """Sends deliveries, applies the faults meant for them, and keeps all of them for assertions."""

    def __init__(self, clock: Clock, scheduler: Scheduler, faults: FaultRegistry) -> None:
        self._clock = clock
        self._scheduler = scheduler
        self._faults = faults
        self._deliveries: list[SandboxDelivery] = []
        self._shuffled: list[SandboxDelivery] = []
        self._lock = threading.Lock()

    def enqueue(self, message: WebhookMessage) -> SandboxDelivery:
        """Begin to deliver a message. Returns at once, before the receiver has answered."""
        with self._lock:
            next_id = len(self._deliveries) + 1
            delivery = SandboxDelivery(next_id, message, self._clock.time, self._clock.wall_time)
            self._deliveries.append(delivery)
        self.dispatch(delivery)
        return delivery

    def as_dicts(self) -> list[dict[str, object]]:
        with self._lock:
            return [delivery.as_dict() for delivery in self._deliveries]

    def dispatch(self, delivery: SandboxDelivery) -> None:
        """Send a delivery, or apply the fault that is due for it. Forgeries have no faults."""
        fault = None if delivery.message.forgery else self._faults.consume(WEBHOOK_ENDPOINT)
        if fault is None:
            run_in_background(lambda: self._send(delivery, delivery.message.forgery))
        else:
            WEBHOOK_FAULTS[fault.kind](self, delivery, fault)

    def send_duplicates(self, delivery: SandboxDelivery, fault: InjectedFault) -> None:
        run_in_background(lambda: self._send(delivery))
        for _ in range(fault.copies - 1):
            run_in_background(lambda: self._post_once(delivery, fault.kind))

    def send_delayed(self, delivery: SandboxDelivery, fault: InjectedFault) -> None:
        self._scheduler.call_later(
            fault_delay(fault), lambda: run_in_background(lambda: self._send(delivery))
        )

    def drop_delivery(self, delivery: SandboxDelivery, fault: InjectedFault) -> None:
        delivery.attempts.append(SandboxAttempt(self._clock.time, None, fault.kind))
        delivery.state = "lost"

    def send_shuffled(self, delivery: SandboxDelivery, fault: InjectedFault) -> None:
        """Collect deliveries until there are `copies` of them, and send the last one first."""
        with self._lock:
            self._shuffled.append(delivery)
            is_batch_full = len(self._shuffled) >= fault.copies
        seconds = 0.0 if is_batch_full else fault_delay(fault)
        self._scheduler.call_later(seconds, self._send_shuffled_batch)

    def send_forged(self, delivery: SandboxDelivery, fault: InjectedFault) -> None:
        run_in_background(lambda: self._send(delivery, fault.kind))

    def _send_shuffled_batch(self) -> None:
        with self._lock:
            batch, self._shuffled = self._shuffled[::-1], []
        run_in_background(lambda: self._send_in_order(batch))

    def _send_in_order(self, batch: list[SandboxDelivery]) -> None:
        for delivery in batch:
            self._send(delivery)

    def _send(self, delivery: SandboxDelivery, forgery: str | None = None) -> None:
        status = self._post_once(delivery, forgery)
        if status == OK:
            delivery.state = "delivered"
        elif delivery.message.forgery:
            delivery.state = "refused"  # a forgery is sent once
        else:
            self._schedule_retry(delivery)

    def _post_once(self, delivery: SandboxDelivery, fault_kind: str | None = None) -> int | None:
        message = delivery.message
        if delivery.attempts:
            message = message.repeat_at(self._clock.time)
        signed_at = (
            delivery.created_wall_time if message.target.keep_timestamp else self._clock.wall_time
        )
        headers, body = FORGERIES.get(fault_kind or "", build_valid)(message, signed_at)
        status = post_webhook(message.target.url, headers, body, timeout=message.target.timeout)
        delivery.attempts.append(SandboxAttempt(self._clock.time, status, fault_kind))
        return status

    def _schedule_retry(self, delivery: SandboxDelivery) -> None:
        message, target = delivery.message, delivery.message.target
        wait = target.retry_wait(len(delivery.attempts))
        if message.split_up is not None:
            delivery.state = "split_up"
            for part in message.split_up():
                self._scheduler.call_later(wait, partial(self.enqueue, part))
        elif self._clock.time + wait - delivery.created_at > target.max_age:
            delivery.state = "given_up"
        else:
            self._scheduler.call_later(wait, lambda: self.dispatch(delivery))


def fault_delay(fault: InjectedFault) -> float:
    return FAULT_DELAY_SECONDS if fault.seconds is None else fault.seconds


WebhookFault = Callable[[WebhookSender, SandboxDelivery, InjectedFault], None]
WEBHOOK_FAULTS: Mapping[str, WebhookFault] = {
    "duplicate": WebhookSender.send_duplicates,
    "delay": WebhookSender.send_delayed,
    "lose": WebhookSender.drop_delivery,
    "shuffle": WebhookSender.send_shuffled,
    **dict.fromkeys(FORGERIES, WebhookSender.send_forged),
}


def post_webhook(
    url: str, headers: Mapping[str, str], body: bytes, *, timeout: float
) -> int | None:
    """Return the receiver's status; None without an answer. Redirects are not followed."""
    parts = urlsplit(url)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connection_class(parts.hostname or "", parts.port, timeout=timeout)
    all_headers = {"Content-Type": "application/json", **headers}
    try:
        connection.request("POST", request_target(parts), body, all_headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
