"""Builds, signs and sends TikTok webhook deliveries, with the standard library alone."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

WEBHOOK_PATH = "/api/webhooks/tiktok"
CREATOR = "open-1"  # the account that an envelope is about, unless it names another


def build_envelope(event="post.publish.complete", *, publish_id="v_pub~1", **fields):
    """Return the body of a delivery as TikTok builds it: `content` is JSON as text."""
    content = {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}
    return {
        "client_key": "key",
        "event": event,
        "create_time": 1_770_210_873,
        "user_openid": CREATOR,
        "content": json.dumps({**content, **fields.pop("content", {})}),
        **fields,
    }


def build_removal(**fields):
    content = json.dumps({"reason": fields.pop("reason", 1)})
    return {**build_envelope("authorization.removed", **fields), "content": content}


def sign_body(body, *, secret="client-secret", at=None, key="t", digest="s"):
    timestamp = str(int(time.time() if at is None else at))
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"{key}={timestamp},{digest}={signed}"


@dataclass
class TikTokWebhookSender:
    """Sends signed deliveries through a Flask test client."""

    client: object
    secret: str = "client-secret"

    def send(self, envelope, *, at=None, **options):
        body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        headers = {"TikTok-Signature": sign_body(body, secret=self.secret, at=at)}
        return self.client.post(
            WEBHOOK_PATH, data=body, headers=headers | options.pop("headers", {}), **options
        )
