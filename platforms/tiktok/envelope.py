"""The two shapes of TikTok's answers: the envelope of data calls, and the flat one of OAuth.

The status never decides alone: either kind of refusal may come with HTTP 200.
"""

from collections.abc import Mapping
from typing import Any

from platforms.bodies import MAX_NAME, text
from platforms.errors import PlatformError, Unavailable
from platforms.http import Reply
from platforms.tiktok.meanings import DATA, OAUTH, Refusal, error

OK = 200


def data(reply: Reply, endpoint: str) -> dict[str, Any]:
    """The `data` of an envelope that says `ok`, with its `log_id` added.

    Errors: what `DATA` says of the code; what the status says, or Unavailable, without envelope.
    """
    answer = body(reply)
    said = answer.get("error")
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        raise unreadable(reply)
    log_id = text(said.get("log_id"), MAX_NAME) or text(reply.headers.get("x-tt-logid"), MAX_NAME)
    if said["code"] != "ok":
        refusal = Refusal(said["code"], str(said.get("message", "")), log_id)
        raise error(refusal, reply, DATA, endpoint=endpoint)
    inner = answer.get("data")
    return {**(inner if isinstance(inner, dict) else {}), "log_id": log_id}


def flat(reply: Reply, endpoint: str) -> dict[str, Any]:
    """An answer of the OAuth endpoints. Revocation may answer with nothing at all.

    Errors: what `OAUTH` says of the code; what the status says, or Unavailable, if unreadable.
    """
    answer = {} if reply.status == OK and not reply.body.strip() else body(reply)
    said = answer.get("error")
    if isinstance(said, str) and said:
        message = str(answer.get("error_description", ""))
        refusal = Refusal(said, message, text(answer.get("log_id"), MAX_NAME))
        raise error(refusal, reply, OAUTH, endpoint=endpoint)
    if reply.status != OK:
        raise unreadable(reply)
    return answer


def body(reply: Reply) -> dict[str, Any]:
    try:
        answer = reply.json()
    except Unavailable:
        raise unreadable(reply) from None
    if not isinstance(answer, dict):
        raise unreadable(reply)
    return answer


def needed(answer: Mapping[str, Any], key: str) -> str:
    """A text the answer is worth nothing without. Errors: Unavailable."""
    value = answer.get(key)
    if not isinstance(value, str) or not value:
        raise Unavailable(f"the answer has no {key}", code="INVALID_RESPONSE")
    return value


def unreadable(reply: Reply) -> PlatformError:
    return reply.fault() or Unavailable(
        f"answered {reply.status}, but not as documented", code="INVALID_RESPONSE"
    )
