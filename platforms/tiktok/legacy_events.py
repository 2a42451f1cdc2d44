"""An older delivery format, accepted only with `TIKTOK_WEBHOOK_COMPAT=1`.

TikTok never sent it; test clients written before TikTok's own format was known still do.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent, Verdict
from platforms.json_body import MAX_ID_LENGTH, MAX_NAME_LENGTH, shorten_or_hash
from platforms.secret import Secret
from platforms.signing import get_header, verify_digests
from platforms.tiktok.events import LEGACY_EVENT_TYPES
from platforms.vendor_values import read_id

LEGACY_SIGNATURE_HEADER = "x-tiktok-signature"
ID_FIELDS = ("event_id", "publish_id", "post_id")


def verify_legacy_signature(
    headers: Mapping[str, str], body: bytes, *, secrets: Iterable[Secret]
) -> Verdict:
    """Verify a plain digest of the body. The format has no time, so a delivery is never late."""
    digest = get_header(headers, LEGACY_SIGNATURE_HEADER)
    if not digest:
        return Verdict(ok=False, reason="missing_header")
    check = verify_digests(body, [digest], secrets)
    return Verdict(
        ok=check.reason == "ok",
        reason=check.reason,
        reject_unreadable=True,
        secret_no=check.secret_no,
        is_compat=True,
    )


def read_challenge(query: Mapping[str, str]) -> str:
    """Return the challenge of a handshake. Errors: ValueError if it is missing or too long."""
    challenge = query.get("challenge", "")
    if not 0 < len(challenge) <= MAX_ID_LENGTH:
        raise ValueError(f"`challenge` must have 1 to {MAX_ID_LENGTH} characters")
    return challenge


def parse_legacy_event(payload: Mapping[str, Any]) -> ParsedEvent:
    """Return the event of a payload.

    Its key ends with `:` if the payload has no id; the caller appends a digest of the body.
    Errors: ValueError without an event type, or without the publish id that the event needs.
    """
    name = payload.get("event_type") or payload.get("type")
    if not isinstance(name, str):
        raise ValueError("the delivery has no `event_type`")  # noqa: TRY004 - a bad body
    event = LEGACY_EVENT_TYPES.get(name)
    publish_id = read_id(payload.get("publish_id"))
    if event and not publish_id:
        raise ValueError("the delivery has no `publish_id`")
    content = {**payload, "reason": payload.get("fail_reason")}
    ids = [read_id(payload.get(field)) for field in ID_FIELDS]
    first_id = next(filter(None, ids), "")
    return ParsedEvent(
        key=shorten_or_hash(f"{name}:{first_id}", MAX_ID_LENGTH),
        kind=event.kind if event else IGNORED_KIND,
        vendor_event=shorten_or_hash(name, MAX_NAME_LENGTH),
        payload=payload,
        publish_id=publish_id,
        progress=event.parse_progress(content, None) if event and event.parse_progress else None,
    )
