"""Builds and signs TikTok's webhook events.

Source: TikTok, webhooks-overview, -events, -verification, get-video-status, read 2026-11-22. The
Content-Type of deliveries is not documented.
"""

import hmac
import json
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Any

from platforms.sandbox.deliveries import DeliveryTarget, SandboxDelivery, WebhookMessage
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.state import TikTokState

AUTHORIZATION_REMOVED = "authorization.removed"
PUBLISH_FAILED = "post.publish.failed"
PUBLISH_COMPLETE = "post.publish.complete"
INBOX_DELIVERED = "post.publish.inbox_delivered"
PUBLICLY_AVAILABLE = "post.publish.publicly_available"
NO_LONGER_AVAILABLE = "post.publish.no_longer_publicaly_available"  # the vendor's spelling
OTHER_CLIENT_KEY = "sbaw_other_app"


def sign_body(secret: str, body: bytes, signed_at: float) -> dict[str, str]:
    """Return the header `t=<seconds>,s=<hex>`: an HMAC over `t.body` with the client secret."""
    seconds = str(int(signed_at))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, sha256).hexdigest()
    return {"TikTok-Signature": f"t={seconds},s={digest}"}


def send_event(
    tiktok: TikTokState,
    event: str,
    open_id: str,
    content: Mapping[str, Any],
    *,
    forgery: str | None = None,
) -> SandboxDelivery | None:
    """Send an event, if the app has a webhook URL; `content` is sent as a string of JSON."""
    settings = tiktok.settings
    if not settings.webhook_url:
        return None
    body = {
        "client_key": tiktok.client_key,
        "event": event,
        "create_time": int(tiktok.time),
        "user_openid": open_id,
        "content": compact_json(content),
    }
    message = WebhookMessage(
        event=event,
        body=compact_json(body).encode(),
        foreign_body=compact_json({**body, "client_key": OTHER_CLIENT_KEY}).encode(),
        sign=partial(sign_body, tiktok.client_secret),
        target=DeliveryTarget(
            settings.webhook_url,
            settings.delivery_timeout,
            settings.redelivery_seconds,
            keep_timestamp=settings.keep_t,
        ),
        facts={"open_id": open_id, **content},
        forgery=forgery,
    )
    return tiktok.sandbox.webhook_sender.enqueue(message)


def send_post_event(tiktok: TikTokState, event: str, post: SandboxPost, **extra: Any) -> None:
    """Send an event about a post. A post id is a string here, but a number in a status."""
    content = {"publish_id": post.publish_id, **extra, "publish_type": post.publish_type}
    send_event(tiktok, event, post.open_id, content)


def compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
