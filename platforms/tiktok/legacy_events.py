"""The invented delivery format of the first documents, for installations that switch it on.

TikTok never sent this. Pure, like the real format beside it, and to be dropped one day.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent, Verdict
from platforms.json_body import MAX_ID_LENGTH, MAX_NAME_LENGTH, shorten_or_hash, to_text
from platforms.secret import Secret
from platforms.signing import get_header, verify_digests
from platforms.tiktok.events import LEGACY_EVENT_TYPES

LEGACY_SIGNATURE_HEADER = "x-tiktok-signature"
ID_FIELDS = ("event_id", "publish_id", "post_id")


def verify_legacy_signature(
    headers: Mapping[str, str], body: bytes, *, secrets: Iterable[Secret]
) -> Verdict:
    """A bare digest of the body. It carries no time, so a delivery is never late."""
    digest = get_header(headers, LEGACY_SIGNATURE_HEADER)
    if not digest:
        return Verdict(ok=False, reason="missing_header")
    reason = verify_digests(body, [digest], secrets)
    return Verdict(ok=reason == "ok", reason=reason, reject_unreadable=True)


def read_challenge(query: Mapping[str, str]) -> str:
    """The challenge it once asked to see again. Errors: ValueError."""
    challenge = query.get("challenge", "")
    if not 0 < len(challenge) <= MAX_ID_LENGTH:
        raise ValueError("there is no challenge to answer")
    return challenge


def parse_legacy_event(payload: Mapping[str, Any]) -> ParsedEvent:
    """Its key ends with `:` if no id is given; the reader of the body completes it.

    Errors: ValueError if it names no event type, or no publication where one is due.
    """
    name = payload.get("event_type") or payload.get("type")
    if not isinstance(name, str):
        raise ValueError("the delivery names no event")
    event = LEGACY_EVENT_TYPES.get(name)
    publish_id = to_text(payload.get("publish_id"))
    if event and not publish_id:
        raise ValueError("the delivery names no publication")
    content = {**payload, "reason": payload.get("fail_reason")}
    return ParsedEvent(
        key=shorten_or_hash(
            f"{name}:{next(filter(None, (to_text(payload.get(key)) for key in ID_FIELDS)), '')}",
            MAX_ID_LENGTH,
        ),
        kind=event.kind if event else IGNORED_KIND,
        vendor_event=shorten_or_hash(name, MAX_NAME_LENGTH),
        payload=payload,
        publish_id=publish_id,
        progress=event.parse_progress(content) if event and event.parse_progress else None,
    )
