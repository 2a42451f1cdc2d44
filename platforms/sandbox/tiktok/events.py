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

from platforms.sandbox.letters import Delivery, Letter, Mailing
from platforms.sandbox.tiktok.posts import Post
from platforms.sandbox.tiktok.state import TikTok

REMOVED = "authorization.removed"
FAILED = "post.publish.failed"
COMPLETE = "post.publish.complete"
DELIVERED = "post.publish.inbox_delivered"
AVAILABLE = "post.publish.publicly_available"
WITHDRAWN = "post.publish.no_longer_publicaly_available"  # the vendor's spelling
STRANGER = "sbaw_somebody_else"


def is_callback(url: str) -> bool:
    """https, as TikTok demands; plain http on loopback, where there is nobody to listen in."""
    target = urlsplit(url)
    is_loopback = target.scheme == "http" and target.hostname in {"127.0.0.1", "localhost"}
    return (target.scheme == "https" and bool(target.hostname)) or is_loopback


def sign(secret: str, body: bytes, t: float) -> dict[str, str]:
    """`t=<seconds>,s=<hex>` over `t.body`, keyed with the client secret."""
    seconds = str(int(t))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, sha256).hexdigest()
    return {"TikTok-Signature": f"t={seconds},s={digest}"}


def tell(
    tiktok: TikTok,
    event: str,
    open_id: str,
    content: Mapping[str, Any],
    *,
    spoil: str | None = None,
) -> Delivery | None:
    """Sends an event, if the app has a callback. Give the content; it travels as a string."""
    settings = tiktok.settings
    if not settings.webhook_url:
        return None
    body = {
        "client_key": tiktok.client_key,
        "event": event,
        "create_time": int(tiktok.time),
        "user_openid": open_id,
        "content": packed(content),
    }
    letter = Letter(
        event=event,
        body=packed(body).encode(),
        foreign=packed({**body, "client_key": STRANGER}).encode(),
        sign=lambda data, t: sign(tiktok.client_secret, data, t),
        mailing=Mailing(
            settings.webhook_url,
            settings.delivery_timeout,
            settings.redelivery_seconds,
            keep_t=settings.keep_t,
        ),
        facts={"open_id": open_id, **content},
        spoil=spoil,
    )
    return tiktok.house.courier.hand(letter)


def about(tiktok: TikTok, event: str, post: Post, **more: Any) -> None:
    """News of a post. A post id is a string here, though status answers it as a number."""
    content = {"publish_id": post.publish_id, **more, "publish_type": post.publish_type}
    tell(tiktok, event, post.open_id, content)


def packed(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))
