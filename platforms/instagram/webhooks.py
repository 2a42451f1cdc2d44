"""Meta's deliveries and handshake for Instagram. Pure, no clock, no I/O.

Must not decide what follows from a notice, nor what is answered to the sender.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platforms.base import ParsedEvent, Verdict
from platforms.errors import BadHandshake
from platforms.instagram.events import iter_changes, parse_change
from platforms.instagram.signature import SIGNATURE_HEADER, verify_signature
from platforms.json_body import decode_json
from platforms.secret import Secret
from platforms.signing import get_header


@dataclass(frozen=True)
class InstagramWebhooks:
    """`secrets` are those a delivery may be signed with; several while one is changed."""

    secrets: tuple[Secret, ...]
    verify_token: Secret | None = field(default=None)

    @property
    def can_verify(self) -> bool:
        return any(self.secrets)

    @property
    def has_handshake(self) -> bool:
        return bool(self.verify_token)

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Never raises. Meta signs no time, so that only keys tell a replay from news."""
        del now
        return verify_signature(get_header(headers, SIGNATURE_HEADER), body, secrets=self.secrets)

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """The challenge as it came. Errors: BadHandshake unless our own token comes with it."""
        challenge, given = query.get("hub.challenge"), query.get("hub.verify_token", "")
        expected = self.verify_token.reveal() if self.verify_token else ""
        is_match = hmac.compare_digest(given.encode(errors="replace"), expected.encode())
        if not expected or not is_match or query.get("hub.mode") != "subscribe" or not challenge:
            raise BadHandshake
        return challenge

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """One notice per change, up to a thousand in a delivery. Errors: ValueError."""
        return [parse_change(entry, change) for entry, change in iter_changes(decode_json(body))]

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """Errors: ValueError if it is no change."""
        entry, change = payload.get("entry"), payload.get("change")
        if not isinstance(entry, Mapping) or not isinstance(change, Mapping):
            raise ValueError("the payload holds no change")
        if not isinstance(change.get("field"), str):
            raise ValueError("the change names no field")
        return parse_change(entry, change)
