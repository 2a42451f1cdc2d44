"""The invented delivery format of the first documents, for installations that switch it on.

TikTok never sent this. Pure, like the real format beside it, and to be dropped one day.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from platforms.base import IGNORED, Notice, Verdict
from platforms.bodies import MAX_ID, MAX_NAME, fit, text
from platforms.secret import Secret
from platforms.signing import header, match
from platforms.tiktok.events import RENAMED

HEADER = "x-tiktok-signature"
IDS = ("event_id", "publish_id", "post_id")


def judge(headers: Mapping[str, str], body: bytes, *, secrets: Iterable[Secret]) -> Verdict:
    """A bare digest of the body. It carries no time, so a delivery is never late."""
    digest = header(headers, HEADER)
    if not digest:
        return Verdict(ok=False, reason="missing_header")
    reason = match(body, [digest], secrets)
    return Verdict(ok=reason == "ok", reason=reason, strict=True)


def echo(query: Mapping[str, str]) -> str:
    """The challenge it once asked to see again. Errors: ValueError."""
    challenge = query.get("challenge", "")
    if not 0 < len(challenge) <= MAX_ID:
        raise ValueError("there is no challenge to answer")
    return challenge


def read(payload: Mapping[str, Any]) -> Notice:
    """Its key ends with `:` if no id is given; the reader of the body completes it.

    Errors: ValueError if it names no event type, or no publication where one is due.
    """
    name = payload.get("event_type") or payload.get("type")
    if not isinstance(name, str):
        raise ValueError("the delivery names no event")  # noqa: TRY004 - a bad body, not a bad call
    event = RENAMED.get(name)
    publish_id = text(payload.get("publish_id"))
    if event and not publish_id:
        raise ValueError("the delivery names no publication")
    told = {**payload, "reason": payload.get("fail_reason")}
    return Notice(
        key=fit(
            f"{name}:{next(filter(None, (text(payload.get(key)) for key in IDS)), '')}", MAX_ID
        ),
        kind=event.kind if event else IGNORED,
        vendor_event=fit(name, MAX_NAME),
        payload=payload,
        publish_id=publish_id,
        progress=event.tells(told) if event and event.tells else None,
    )
