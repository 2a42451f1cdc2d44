"""The webhook adapter for Instagram: signature, handshake and events of Meta's deliveries."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platforms.base import ParsedEvent, Verdict
from platforms.errors import BadHandshake
from platforms.instagram.callbacks import InstagramCallbacks
from platforms.instagram.changes import iter_changes
from platforms.instagram.events import parse_entry
from platforms.instagram.signature import SIGNATURE_HEADER, verify_signature
from platforms.json_body import decode_json
from platforms.secret import Secret
from platforms.signing import get_header


@dataclass(frozen=True)
class InstagramWebhooks:
    """`secrets`: those a delivery may be signed with, several while a secret is replaced.

    `callback_secrets`: of the apps that people may have connected with, which sign callbacks.
    """

    secrets: tuple[Secret, ...]
    verify_token: Secret | None = field(default=None)
    callback_secrets: tuple[Secret, ...] = ()

    @property
    def can_verify(self) -> bool:
        return any(self.secrets)

    @property
    def has_handshake(self) -> bool:
        return bool(self.verify_token)

    @property
    def callbacks(self) -> InstagramCallbacks | None:
        """What reads the callbacks about people; None without an app at Meta."""
        return InstagramCallbacks(self.callback_secrets) if any(self.callback_secrets) else None

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Verdict:
        """Verify the signature; never raises.

        Meta signs no time, so a repeated delivery is recognised by the keys of its events only.
        """
        del now
        return verify_signature(get_header(headers, SIGNATURE_HEADER), body, secrets=self.secrets)

    def handshake(self, query: Mapping[str, str]) -> str | None:
        """Return the challenge unchanged. Errors: BadHandshake unless it carries our token."""
        challenge, token = query.get("hub.challenge"), query.get("hub.verify_token", "")
        expected = self.verify_token.reveal() if self.verify_token else ""
        is_match = hmac.compare_digest(token.encode(errors="replace"), expected.encode())
        is_valid = bool(expected) and is_match and query.get("hub.mode") == "subscribe"
        if not is_valid or not challenge:
            raise BadHandshake
        return challenge

    def parse(self, body: bytes) -> list[ParsedEvent]:
        """Return one event per change; a delivery has up to a thousand. Errors: ValueError."""
        entries = iter_changes(decode_json(body))
        return [event for entry, changes in entries for event in parse_entry(entry, changes)]

    def parse_stored(self, payload: Mapping[str, Any]) -> ParsedEvent:
        """Return the event of a stored change. Errors: ValueError if it is not a change."""
        entry, change = payload.get("entry"), payload.get("change")
        if not isinstance(entry, Mapping) or not isinstance(change, Mapping):
            raise ValueError("the stored payload lacks `entry` or `change`")  # noqa: TRY004 - bad data
        if not isinstance(change.get("field"), str):
            raise ValueError("the stored change has no `field`")  # noqa: TRY004 - bad data
        return next(parse_entry(entry, [dict(change)]))
