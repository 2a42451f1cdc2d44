"""Meta's deliveries and handshake for Instagram. Pure, no clock, no I/O.

Must not decide what follows from a notice, nor what is answered to the sender.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platforms.base import Notice, Verdict
from platforms.bodies import decoded
from platforms.errors import BadHandshake
from platforms.instagram.events import changes, notice
from platforms.instagram.signature import HEADER, judge
from platforms.secret import Secret
from platforms.signing import header


@dataclass(frozen=True)
class InstagramWebhooks:
    """`secrets` are those a delivery may be signed with; several while one is changed."""

    secrets: tuple[Secret, ...]
    verify_token: Secret | None = field(default=None)

    @property
    def hears(self) -> bool:
        return any(self.secrets)

    @property
    def greets(self) -> bool:
        return bool(self.verify_token)

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Never raises. Meta signs no time, so that only keys tell a replay from news."""
        del now
        return judge(header(headers, HEADER), body, secrets=self.secrets)

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The challenge as it came. Errors: BadHandshake unless our own token comes with it."""
        challenge, given = query.get("hub.challenge"), query.get("hub.verify_token", "")
        wanted = self.verify_token.reveal() if self.verify_token else ""
        known = hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
        if not wanted or not known or query.get("hub.mode") != "subscribe" or not challenge:
            raise BadHandshake
        return challenge

    def parse(self, body: bytes) -> list[Notice]:
        """One notice per change, up to a thousand in a delivery. Errors: ValueError."""
        return [notice(entry, change) for entry, change in changes(decoded(body))]

    def read(self, payload: Mapping[str, Any]) -> Notice:
        """Errors: ValueError if it is no change."""
        entry, change = payload.get("entry"), payload.get("change")
        if not isinstance(entry, Mapping) or not isinstance(change, Mapping):
            raise ValueError("the payload holds no change")  # noqa: TRY004 - a bad payload
        if not isinstance(change.get("field"), str):
            raise ValueError("the change names no field")  # noqa: TRY004 - a bad payload
        return notice(entry, change)
