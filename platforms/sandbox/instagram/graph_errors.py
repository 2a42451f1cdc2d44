"""Meta's errors of Graph calls: the envelope, its ids and the errors that many endpoints have.

Source: Meta, Graph API error handling and Instagram error codes, read 2026-06-02 and 2026-11-22;
messages as observed.
"""

import json
import secrets
from typing import Any

from flask import Response, request

from platforms.sandbox.request_log import ENTRY_KEY

OAUTH_EXCEPTION = "OAuthException"
METHOD_EXCEPTION = "GraphMethodException"
INSTAGRAM_EXCEPTION = "IGApiException"
BUSY_CODE, UNKNOWN_CODE, INVALID_CODE, TOKEN_CODE, NO_TOKEN_CODE = 2, 1, 100, 190, 2500
PERMISSION_CODE, MISSING_SUBCODE = 10, 33


class GraphError(Exception):
    """A call that Meta refuses, as its error envelope says it."""

    def __init__(
        self,
        message: str,
        code: int,
        subcode: int | None = None,
        *,
        status: int = 400,
        type: str = OAUTH_EXCEPTION,  # noqa: A002 - the envelope's name for it
        is_transient: bool | None = None,
        user_title: str | None = None,
        user_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.status = status
        self.is_transient = is_transient
        self.fields: dict[str, Any] = {"message": message, "type": type, "code": code}
        optional = {
            "error_subcode": subcode,
            "is_transient": is_transient,
            "error_user_title": user_title,
            "error_user_msg": user_message,
        }
        self.fields |= {name: value for name, value in optional.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        return {"error": {**self.fields, "fbtrace_id": new_trace_id()}}


def invalid_parameter(message: str, subcode: int | None = None) -> GraphError:
    return GraphError(f"(#100) {message}", INVALID_CODE, subcode)


def unknown_field(name: str, node_type: str = "") -> GraphError:
    suffix = f" on node type ({node_type})" if node_type else ""
    return invalid_parameter(f"Tried accessing nonexisting field ({name}){suffix}")


def missing_permission(code: int = PERMISSION_CODE) -> GraphError:
    """Return the error of a missing permission: code 10 has status 400, code 200 has 403."""
    message = f"(#{code}) Application does not have permission for this action"
    return GraphError(message, code, status=400 if code == PERMISSION_CODE else 403)


def object_missing(node_id: str, method: str | None = None) -> GraphError:
    method = (method or request.method).lower()
    return GraphError(
        f"Unsupported {method} request. Object with ID '{node_id}' does not exist, cannot be "
        "loaded due to missing permissions, or does not support this operation. Please read the "
        "Graph API documentation at https://developers.facebook.com/docs/graph-api",
        INVALID_CODE,
        MISSING_SUBCODE,
        type=METHOD_EXCEPTION,
    )


def unknown_path(path: str, *, is_instagram: bool) -> GraphError:
    return GraphError(
        f"Unknown path components: {path}",
        NO_TOKEN_CODE,
        type=INSTAGRAM_EXCEPTION if is_instagram else OAUTH_EXCEPTION,
    )


def dead_token(message: str, subcode: int | None = None, *, status: int = 400) -> GraphError:
    return GraphError(message, TOKEN_CODE, subcode, status=status)


def new_trace_id() -> str:
    """Return an id of the form `A6LJylpZRKw2xKLFsAP-cJh`."""
    return "A" + secrets.token_urlsafe(17)[:22]


def handle_graph_error(error: GraphError) -> Response:
    """Answer with the envelope, and note code and subcode in the request's log entry."""
    entry = request.environ.get(ENTRY_KEY)
    if entry is not None:
        entry.update(code=error.code, subcode=error.subcode, message=str(error))
    return graph_response(error.as_dict(), error.status)


def graph_response(body: Any, status: int = 200) -> Response:
    """Return JSON as Meta writes it: only ASCII, and every slash escaped."""
    text = json.dumps(body).replace("/", "\\/")
    headers = {"Cache-Control": "private, no-cache, no-store, must-revalidate"}
    return Response(text, status, headers, content_type="application/json; charset=UTF-8")


def graph_error_body(status: int) -> str:
    """Return the body of an injected response 500 or 429."""
    if status == 429:  # noqa: PLR2004 - an HTTP status
        error = GraphError("(#4) Application request limit reached", 4, is_transient=True)
    else:
        error = GraphError(
            "An unexpected error has occurred. Please retry your request later.",
            BUSY_CODE,
            is_transient=True,
        )
    return json.dumps(error.as_dict())


def code_exchange_error_body(status: int) -> str:
    """Return the flat body of api.instagram.com, which does not use the envelope."""
    error = {"error_type": OAUTH_EXCEPTION, "code": status, "error_message": "Server error"}
    return json.dumps(error)


def upload_error_body(_status: int) -> str:
    error = {"retriable": True, "type": "ProcessingFailedError", "message": "Try again later."}
    return json.dumps({"debug_info": error})
