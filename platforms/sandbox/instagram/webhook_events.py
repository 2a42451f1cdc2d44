"""Builds and signs Meta's webhook deliveries: which changes are delivered, and in which bodies.

Source: Meta, webhooks (getting started, reference `instagram`), messaging webhooks, read
2026-11-22: up to 1000 changes in a body, repeated at once and then with decreasing frequency for
36 h. The per-account choice of fields is not honoured, as observed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from platforms.sandbox.clock import HOUR_SECONDS
from platforms.sandbox.deliveries import DeliveryTarget, SandboxDelivery, WebhookMessage
from platforms.sandbox.instagram.delivery_bodies import (
    EntryChange,
    build_body,
    encode_body,
)
from platforms.sandbox.instagram.delivery_signatures import SIGNATURE_FORGERIES, sign_body
from platforms.sandbox.instagram.people import IgAccount
from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.tokens import FACEBOOK, INSTAGRAM
from platforms.sandbox.instagram.webhook_fields import FACEBOOK_FIELDS, FIELDS_WITH_ADVANCED_ACCESS

MAX_CHANGES = 1000  # per delivery
MAX_AGE = 36 * HOUR_SECONDS
FOREIGN_ACCOUNT = "17841499999999999"


@dataclass(frozen=True)
class DeliveryOptions:
    """How a delivery deviates: `shape` of its body, `forgery` of its signature.

    `is_split_on_retry`: the second half of the changes is repeated in a delivery of its own.
    """

    shape: str = "changes"
    forgery: str | None = None
    is_split_on_retry: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def send_change(
    state: InstagramState, account: IgAccount, field_name: str, value: Mapping[str, Any]
) -> list[SandboxDelivery]:
    """Deliver one change to every app that would get it, at once or in the next batch.

    Returns what was sent at once; that no app gets the change is no error.
    """
    change = EntryChange(account.id, field_name, dict(value))
    flavours = [
        flavour
        for flavour in (FACEBOOK, INSTAGRAM)
        if should_deliver(state, account, field_name, flavour)
    ]
    if state.settings.batch_seconds > 0:
        for flavour in flavours:
            collect_change(state, flavour, change)
        return []
    options = DeliveryOptions(shape=state.settings.delivery_shape)
    deliveries = [send_changes(state, flavour, [change], options) for flavour in flavours]
    return [delivery for delivery in deliveries if delivery is not None]


def collect_change(state: InstagramState, flavour: str, change: EntryChange) -> None:
    """Keep a change for the next batch, which the first change of it schedules."""
    with state.lock:
        pending = state.pending_changes.setdefault(flavour, [])
        pending.append(change)
        if len(pending) == 1:
            state.sandbox.scheduler.call_later(
                state.settings.batch_seconds, lambda: send_batch(state, flavour)
            )


def send_batch(state: InstagramState, flavour: str) -> None:
    with state.lock:
        changes = state.pending_changes.pop(flavour, [])
    options = DeliveryOptions(shape=state.settings.delivery_shape)
    for start in range(0, len(changes), MAX_CHANGES):
        send_changes(state, flavour, changes[start : start + MAX_CHANGES], options)


def should_deliver(
    state: InstagramState, account: IgAccount, field_name: str, flavour: str
) -> bool:
    """Return whether an app gets a change: it is live and subscribed, the account is public.

    Facebook Login needs two subscriptions: the app on the Page, and the account's fields.
    """
    settings = state.settings
    page = state.pages.get(account.page_id or "")
    is_installed = flavour == INSTAGRAM or (page is not None and bool(page.subscribed_fields))
    is_reviewed = settings.has_advanced_access or field_name not in FIELDS_WITH_ADVANCED_ACCESS
    is_known = flavour == FACEBOOK or field_name not in FACEBOOK_FIELDS
    return (
        settings.is_live
        and account.is_public
        and bool(account.subscribed_fields.get(flavour))
        and field_name in settings.app_fields.split(",")
        and is_installed
        and is_reviewed
        and is_known
    )


def send_changes(
    state: InstagramState,
    flavour: str,
    changes: Sequence[EntryChange],
    options: DeliveryOptions,
) -> SandboxDelivery | None:
    """Deliver changes in one body, whatever is subscribed; None if the app has no webhook URL."""
    message = build_message(state, flavour, changes, options)
    return None if message is None else state.sandbox.webhook_sender.enqueue(message)


def build_message(
    state: InstagramState,
    flavour: str,
    changes: Sequence[EntryChange],
    options: DeliveryOptions,
) -> WebhookMessage | None:
    settings, target = state.settings, find_target(state, flavour)
    if target is None:
        return None

    def body_at(time: float) -> bytes:
        return encode_body(build_body(changes, options.shape, time))

    def split_changes() -> list[WebhookMessage]:
        return build_halves(state, flavour, changes, options)

    foreign = [EntryChange(FOREIGN_ACCOUNT, each.field, each.value) for each in changes]
    make_signer = SIGNATURE_FORGERIES.get(options.forgery or "", sign_body)
    return WebhookMessage(
        event=changes[0].field,
        body=body_at(state.now),
        foreign_body=encode_body(build_body(foreign, options.shape, state.now)),
        sign=make_signer(state.find_app(flavour).secret, has_sha1=settings.sha1_header),
        target=target,
        facts={"flavour": flavour, "changes": len(changes), "account_id": changes[0].account_id},
        forgery=options.forgery,
        rebuild=body_at if settings.change_entry_time else None,
        split_up=split_changes if options.is_split_on_retry and len(changes) > 1 else None,
    )


def find_target(state: InstagramState, flavour: str) -> DeliveryTarget | None:
    """Return where an app's deliveries go; the Instagram app may have a URL of its own."""
    settings = state.settings
    own_url = settings.instagram_webhook_url if flavour == INSTAGRAM else ""
    url = own_url or settings.webhook_url
    if not url:
        return None
    return DeliveryTarget(
        url,
        settings.delivery_timeout,
        settings.redelivery_seconds,
        has_immediate_retry=True,
        max_age=MAX_AGE,
    )


def build_halves(
    state: InstagramState,
    flavour: str,
    changes: Sequence[EntryChange],
    options: DeliveryOptions,
) -> list[WebhookMessage]:
    """Return the changes in two deliveries, the later changes first."""
    middle, plain = len(changes) // 2, DeliveryOptions(shape=options.shape)
    parts = [
        build_message(state, flavour, part, plain) for part in (changes[middle:], changes[:middle])
    ]
    return [part for part in parts if part is not None]
