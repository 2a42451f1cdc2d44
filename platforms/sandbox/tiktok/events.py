"""TikTok's deliveries: the envelope, the signature, the names. Decides nothing.

Source: TikTok, webhooks-overview, -events, -verification, get-video-status, read 2026-11-22. The
deliveries' Content-Type is not documented.
"""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from platforms.sandbox.deliveries import DeliveryTarget, SandboxDelivery, WebhookMessage
from platforms.sandbox.tiktok.posts import SandboxPost
from platforms.sandbox.tiktok.state import TikTokState

AUTHORIZATION_REMOVED = "authorization.removed"
PUBLISH_FAILED = "post.publish.failed"
PUBLISH_COMPLETE = "post.publish.complete"
INBOX_DELIVERED = "post.publish.inbox_delivered"
PUBLICLY_AVAILABLE = "post.publish.publicly_available"
NO_LONGER_AVAILABLE = "post.publish.no_longer_publicaly_available"  # the vendor's spelling
OTHER_CLIENT_KEY = "sbaw_somebody_else"


def is_webhook_url(url: str) -> bool:
    """https, as TikTok demands; plain http on loopback, where there is nobody to listen in."""
    target = urlsplit(url)
    is_loopback = target.scheme == "http" and target.hostname in {"127.0.0.1", "localhost"}
    return (target.scheme == "https" and bool(target.hostname)) or is_loopback


def sign_body(secret: str, body: bytes, signed_at: float) -> dict[str, str]:
    """`t=<seconds>,s=<hex>` over `t.body`, keyed with the client secret."""
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
    """Sends an event, if the app has a callback. Give the content; it travels as a string."""
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
        sign=lambda data, t: sign_body(tiktok.client_secret, data, t),
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
    """News of a post. A post id is a string here, though status answers it as a number."""
    content = {"publish_id": post.publish_id, **extra, "publish_type": post.publish_type}
    send_event(tiktok, event, post.open_id, content)


def compact_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
