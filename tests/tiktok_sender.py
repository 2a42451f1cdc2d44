"""TikTok as a sender of notices: envelopes and signatures, by the standard library alone."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass

ADDRESS = "/api/webhooks/tiktok"


def an_envelope(event="post.publish.complete", *, publish_id="v_pub~1", **fields):
    """The body TikTok sends; `content` holds JSON as text."""
    content = {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}
    return {
        "client_key": "key",
        "event": event,
        "create_time": 1_770_210_873,
        "user_openid": "open-1",
        "content": json.dumps({**content, **fields.pop("content", {})}),
        **fields,
    }


def a_removal(**fields):
    content = json.dumps({"reason": fields.pop("reason", 1)})
    return {**an_envelope("authorization.removed", **fields), "content": content}


def signature(body, *, secret="client-secret", at=None, key="t", digest="s"):
    t = str(int(time.time() if at is None else at))
    signed = hmac.new(secret.encode(), t.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"{key}={t},{digest}={signed}"


@dataclass
class Sender:
    """Delivers through a Flask client."""

    client: object
    secret: str = "client-secret"

    def send(self, envelope, *, at=None, **options):
        body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        headers = {"TikTok-Signature": signature(body, secret=self.secret, at=at)}
        return self.client.post(
            ADDRESS, data=body, headers=headers | options.pop("headers", {}), **options
        )
