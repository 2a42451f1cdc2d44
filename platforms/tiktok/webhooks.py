"""TikTok's deliveries: judged over the raw bytes, then read into notices. Pure, no clock, no I/O.

Must not decide what follows from a notice, nor what is answered to the sender.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED, App, Notice, Verdict
from platforms.bodies import MAX_NAME, decoded, fit, storable, text
from platforms.errors import BadSignature
from platforms.signing import header
from platforms.tiktok import compat
from platforms.tiktok.events import EVENTS, moment, removal
from platforms.tiktok.signature import HEADER, judge

IDENTITY = ("client_key", "event", "user_openid", "create_time", "content")
IN_ORDER = json.JSONEncoder(sort_keys=True)  # made once: a letter is read in a tenth of that time


@dataclass(frozen=True)
class TikTokWebhooks:
    app: App

    @property
    def hears(self) -> bool:
        return any(self.app.webhook_secrets)

    @property
    def greets(self) -> bool:
        return self.hears

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Never raises. `late` deliveries are rightly signed, but outside the tolerance."""
        signature = header(headers, HEADER)
        if self.app.compat and not signature:
            return compat.judge(headers, body, secrets=self.app.webhook_secrets)
        return judge(
            signature,
            body,
            secrets=self.app.webhook_secrets,
            now=now,
            tolerance=self.app.webhook_tolerance,
        )

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """TikTok has none. Errors: ValueError if the one of the first documents is malformed."""
        return compat.echo(query) if self.app.compat else None

    def parse(self, body: bytes) -> list[Notice]:
        """The one notice of a delivery.

        Errors: BadSignature if it is signed with our secret but names another app; ValueError if
        the body is not JSON or names no event.
        """
        payload = decoded(body)
        if not isinstance(payload, dict):
            raise ValueError("the body is not a JSON object")  # noqa: TRY004 - a bad body, not a bad call
        if payload.get("client_key") not in (None, "", self.app.client_key):
            raise BadSignature("the delivery names another client_key")
        notice = self.read(payload)
        if notice.key.endswith(":"):  # compatibility mode, and no id to know it by
            return [replace(notice, key=notice.key + sha256(body).hexdigest())]
        return [notice]

    def read(self, payload: Mapping[str, Any]) -> Notice:
        """Errors: ValueError if the payload names no event."""
        if self.app.compat and "event" not in payload:
            return compat.read(payload)
        name = payload.get("event")
        if not isinstance(name, str) or not name:
            raise ValueError("the delivery names no event")
        return native(name, payload)


def native(name: str, payload: Mapping[str, Any]) -> Notice:
    """TikTok gives no event id: what identifies a delivery is everything it says."""
    identity = IN_ORDER.encode([payload.get(key) for key in IDENTITY])
    content = inner(payload.get("content"))
    at = moment(payload.get("create_time"))
    event = EVENTS.get(name)
    publish_id = text(content.get("publish_id"))
    news = event.tells(content) if event and event.tells and publish_id else None
    useful = event is not None and (event.tells is None or news is not None)
    return Notice(
        key=f"{fit(name, MAX_NAME)}:{sha256(identity.encode()).hexdigest()}",
        kind=event.kind if event and useful else IGNORED,
        vendor_event=fit(name, MAX_NAME),
        payload=payload,
        account=text(payload.get("user_openid")),
        publish_id=publish_id,
        at=at,
        progress=news and replace(news, at=at),
        reason=removal(content) if event and event.tells is None else None,
    )


def inner(content: Any) -> Mapping[str, Any]:
    """`content` is a string that holds JSON; whatever else it is says nothing."""
    if isinstance(content, str):
        try:
            content = storable(json.loads(content))
        except (ValueError, RecursionError):
            return {}
    return content if isinstance(content, dict) else {}
