"""The headers of requests that some views read, and the bodies that are not JSON."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class RequestHeader(NamedTuple):
    """A header that a view reads, its JSON schema and an example."""

    name: str
    description: str
    schema: Mapping[str, Any]
    example: str
    required: bool = False


TEXT: Mapping[str, Any] = {"type": "string"}
IDEMPOTENCY_KEY = RequestHeader(
    "Idempotency-Key",
    "A request with the same key and body is carried out once, and answered the same.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "order-4711",
)
PREFER = RequestHeader(
    "Prefer",
    "With respond-async the answer does not wait for the platform.",
    {"type": "string", "enum": ["respond-async"]},
    "respond-async",
)
IF_MATCH = RequestHeader(
    "If-Match",
    "The ETag of the version that may be replaced; without it any.",
    {"type": "string", "pattern": '^("[0-9]{1,18}"|[*])$'},
    '"3"',
)
TUS_VERSION = RequestHeader(
    "Tus-Resumable",
    "The version of the tus protocol.",
    {"type": "string", "enum": ["1.0.0"]},
    "1.0.0",
    required=True,
)
LENGTH_SCHEMA = {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}
OFFSET_SCHEMA = {"type": "string", "pattern": "^[0-9]{1,9}$"}
UPLOAD_LENGTH = RequestHeader(
    "Upload-Length", "Bytes of the whole file.", LENGTH_SCHEMA, "1048576", required=True
)
UPLOAD_METADATA = RequestHeader(
    "Upload-Metadata",
    "`filename` and `filetype`, each followed by its value in base64.",
    TEXT,
    "filename dmlkZW8ubXA0",
)
UPLOAD_OFFSET = RequestHeader(
    "Upload-Offset", "Bytes that have arrived.", OFFSET_SCHEMA, "0", required=True
)
WORKER_SECRET = RequestHeader(
    "X-Worker-Secret", "WORKER_SECRET, instead of a key.", TEXT, "the-secret"
)
POST_HEADERS = (IDEMPOTENCY_KEY, PREFER)

REQUEST_HEADERS: Mapping[str, tuple[RequestHeader, ...]] = {
    "request_post": POST_HEADERS,
    "retry_post": (IDEMPOTENCY_KEY,),
    "reply_to_comment": (IDEMPOTENCY_KEY,),
    "save_draft": (IF_MATCH,),
    "create_media": (TUS_VERSION, UPLOAD_LENGTH, UPLOAD_METADATA),
    "append_chunk": (TUS_VERSION, UPLOAD_OFFSET),
    "refresh_due_tokens": (WORKER_SECRET,),
    "sample_due_insights": (WORKER_SECRET,),
    "process_webhooks": (WORKER_SECRET,),
    "check_alerts": (WORKER_SECRET,),
}
"""Function of a view → the headers that it reads."""

FORM_SCHEMA = {
    "type": "object",
    "required": ["signed_request"],
    "properties": {"signed_request": TEXT},
}
OTHER_BODIES: Mapping[str, Mapping[str, Any]] = {
    "append_chunk": {
        "application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}
    },
    "receive_webhook": {"application/json": {"schema": {"type": "object"}}},
    "receive_deauthorization": {"application/x-www-form-urlencoded": {"schema": FORM_SCHEMA}},
    "receive_data_deletion": {"application/x-www-form-urlencoded": {"schema": FORM_SCHEMA}},
}
"""Function of a view → its body by content type, if the body is not described by a model."""

BODY_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "sign_in_user": {"email": "ada@example.org", "password": "correct horse battery"},
    "change_password": {
        "oldPassword": "correct horse battery",
        "newPassword": "staple correct horse",
    },
    "create_key": {"name": "reporting", "scopes": ["posts:read", "insights:read"]},
    "save_draft": {"title": "A day at the sea", "payload": {"text": "A day at the sea"}},
    "edit_post": {"publish_at": "2026-03-02T09:30:00Z"},
    "create_endpoint": {
        "url": "https://app.example.org/hooks/signalpost",
        "events": ["post.published", "post.failed"],
    },
    "update_endpoint": {"enabled": True},
    "replay_events": {"since": "2026-03-02T09:30:00Z", "dry_run": True},
    "discard_events": {"code": "unknown_publication", "dry_run": True},
    "restore_events": {"discarded_at": "2026-03-02T09:30:00Z"},
    "select_destinations": {"accountIds": [48211]},
}
"""Function of a view → a body that it accepts; of the others the required fields are shown."""
