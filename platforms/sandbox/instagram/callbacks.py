"""Calls the app's deauthorize and data-deletion callbacks, with a signed request or a forged one.

Source: Meta, deauthorize and data deletion callbacks, read 2026-11-22. Which id the callback of an
Instagram Login has is not documented: a setting decides.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from platforms.sandbox.instagram.state import InstagramState
from platforms.sandbox.instagram.tokens import INSTAGRAM, MetaGrant
from platforms.sandbox.scheduler import run_in_background
from platforms.sandbox.urls import request_target

ALGORITHM = "HMAC-SHA256"
MAX_ANSWER_SIZE = 65_536  # bytes
OK = 200


@dataclass(frozen=True)
class CallbackAnswer:
    """`status` is None without an answer; `problem` says what Meta would reject."""

    status: int | None
    body: Any = None
    problem: str | None = None


def encode_part(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def sign_request(secret: str, payload: Mapping[str, Any]) -> str:
    """Return `signature.payload`; the signature covers the encoded payload."""
    text = encode_part(json.dumps(payload, separators=(",", ":")).encode())
    digest = hmac.new(secret.encode(), text.encode(), sha256).digest()
    return f"{encode_part(digest)}.{text}"


def forge_secret(_secret: str, payload: Mapping[str, Any]) -> str:
    return sign_request("the_secret_of_another_app", payload)


def forge_payload(secret: str, payload: Mapping[str, Any]) -> str:
    signature = sign_request(secret, payload).partition(".")[0]
    other = sign_request(secret, {**payload, "user_id": "1"}).partition(".")[2]
    return f"{signature}.{other}"


def forge_algorithm(secret: str, payload: Mapping[str, Any]) -> str:
    return sign_request(secret, {**payload, "algorithm": "none"})


def forge_shape(_secret: str, _payload: Mapping[str, Any]) -> str:
    return "no-signed-request"


def forge_emptiness(_secret: str, _payload: Mapping[str, Any]) -> str:
    return ""


REQUEST_FORGERIES: Mapping[str, Callable[[str, Mapping[str, Any]], str]] = {
    "wrong_secret": forge_secret,
    "altered": forge_payload,
    "wrong_algorithm": forge_algorithm,
    "malformed": forge_shape,
    "empty": forge_emptiness,
}


def call_in_background(state: InstagramState, kind: str, grant: MetaGrant) -> None:
    run_in_background(lambda: send_callback(state, kind, grant))


def send_callback(
    state: InstagramState, kind: str, grant: MetaGrant, *, forgery: str | None = None
) -> CallbackAnswer | None:
    """Call `deauthorize` or `data_deletion`, once; None if the app has no such URL."""
    url = callback_url(state, kind, grant.flavour)
    if not url:
        return None
    payload = {
        "algorithm": ALGORITHM,
        "expires": int(state.now) + 3_600,
        "issued_at": int(state.now),
        "user_id": callback_user_id(state, grant),
    }
    make_request = REQUEST_FORGERIES.get(forgery or "", sign_request)
    signed_request = make_request(state.find_app(grant.flavour).secret, payload)
    answer = post_callback(url, signed_request, timeout=state.settings.delivery_timeout)
    if kind == "data_deletion" and forgery is None:
        answer = check_deletion_answer(answer)
    with state.lock:
        state.callbacks.append(
            {
                "kind": kind,
                "flavour": grant.flavour,
                "user_id": payload["user_id"],
                "forgery": forgery,
                "status": answer.status,
                "body": answer.body,
                "problem": answer.problem,
            }
        )
    return answer


def callback_url(state: InstagramState, kind: str, flavour: str) -> str:
    settings = state.settings
    if kind == "deauthorize":
        own, shared = settings.instagram_deauthorize_url, settings.deauthorize_url
    else:
        own, shared = settings.instagram_data_deletion_url, settings.data_deletion_url
    return own or shared if flavour == INSTAGRAM else shared


def callback_user_id(state: InstagramState, grant: MetaGrant) -> str:
    account = state.accounts.get(grant.account_id or "")
    if account is None:
        return grant.person_id or ""
    is_professional = state.settings.callback_user_id == "professional"
    return account.id if is_professional else account.app_scoped_id


def post_callback(url: str, signed_request: str, *, timeout: float) -> CallbackAnswer:
    """Post the form; redirects are not followed."""
    parts = urlsplit(url)
    connection_class = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connection_class(parts.hostname or "", parts.port, timeout=timeout)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"signed_request": signed_request})
    try:
        connection.request("POST", request_target(parts), form, headers)
        response = connection.getresponse()
        text = response.read(MAX_ANSWER_SIZE).decode(errors="replace")
        return CallbackAnswer(response.status, read_json(text))
    except (OSError, HTTPException):
        return CallbackAnswer(None)
    finally:
        connection.close()


def read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_deletion_answer(answer: CallbackAnswer) -> CallbackAnswer:
    """Return the answer with its problem: Meta wants 200 and `{url, confirmation_code}`."""
    body = answer.body
    problem = None
    if answer.status != OK:
        problem = "the status is not 200"
    elif not isinstance(body, dict):
        problem = "the body is not a JSON object"
    elif not str(body.get("url", "")).startswith(
        ("https://", "http://127.0.0.1", "http://localhost")
    ):
        problem = "url is not an https address"
    elif not isinstance(body.get("confirmation_code"), str) or not body["confirmation_code"]:
        problem = "confirmation_code is not a text"
    return CallbackAnswer(answer.status, body, problem)
