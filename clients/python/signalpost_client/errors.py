"""What can go wrong with a call: refusals of the server by their code, and lost connections."""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The root of all errors of this package."""


class ConnectionLost(ClientError):
    """The server was not reached, or its answer was lost; `may_have_arrived` says which."""

    def __init__(self, message: str, *, may_have_arrived: bool) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived


class UnexpectedResponse(ClientError):
    """Something that is no answer of signalpost, for example the page of a proxy in front of it."""

    def __init__(self, message: str, *, status: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class FollowTimeout(ClientError):
    """A post was not final in time. `post` is what was last known of it."""

    def __init__(self, message: str, *, post: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.post = post


class UploadStopped(ClientError):
    """The server took no byte of an upload for too long; it can be resumed from `offset`."""

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class ApiError(ClientError):
    """A refusal by the server.

    `code` is one of the codes in the server's `/docs/errors`; `message` is for developers,
    `user_message` and `suggestion` for people, in the language of the client. `retryable` says
    whether the same call may succeed later, `retry_after` when. Units: seconds. `request_id` finds
    the call in the server's log.
    """

    def __init__(self, status: int, error: Mapping[str, Any], *, retry_after: float | None) -> None:
        self.code = str(error.get("code") or "UNKNOWN")
        self.status = status
        self.message = str(error.get("message") or self.code)
        self.user_message = str(error.get("userMessage") or self.message)
        self.suggestion = str(error.get("suggestion") or "")
        self.retryable = bool(error.get("retryable"))
        self.retry_after = retry_after
        self.details: dict[str, Any] = dict(error.get("details") or {})
        self.request_id = str(error.get("requestId") or "")
        super().__init__(self.user_message)

    def __str__(self) -> str:
        """All that a developer wants to see in a traceback."""
        texts = [f"{self.code}: {self.user_message}"]
        if self.message != self.user_message:
            texts.append(self.message)
        fields = self.details.get("fields")
        if isinstance(fields, Mapping):
            texts += [f"{name}: {text}" for name, text in fields.items()]
        return "; ".join(texts)


class InvalidRequest(ApiError):
    """The request is malformed, or the platform accepts no such post; `details` has the fields."""


class NotAuthenticated(ApiError):
    """The key is missing, wrong, expired or revoked, or a sign-in failed."""


class PermissionDenied(ApiError):
    """The key lacks a scope, or the account a permission."""


class AccountNotConnected(PermissionDenied):
    """The account is not connected, or has to be connected again by its owner."""


class ResourceNotFound(ApiError):
    """There is no such row, or it belongs to somebody else."""


class StateConflict(ApiError):
    """The state of the row does not allow it."""


class VersionConflict(StateConflict):
    """Somebody else has saved a newer version of the draft."""


class KeyReused(StateConflict):
    """The idempotency key belongs to a request with other contents."""


class ResultUnknown(ApiError):
    """A call to a platform may have taken effect although its answer was lost: look first."""


class ContentTooLarge(ApiError):
    """The body or the file is larger than the server accepts."""


class StorageFull(ApiError):
    """There is no room for the file: the user's share is used up, or the disk is full."""


class TooManyRequests(ApiError):
    """A rate limit of signalpost or of a platform; `retry_after` says when to go on."""


class QuotaUsedUp(TooManyRequests):
    """The platform accepts no further posts of this account for now."""


class ServerFailed(ApiError):
    """The server or a platform failed."""


class ServerUnavailable(ServerFailed):
    """The server, its stores or a platform cannot be used for now."""


ERRORS_BY_CODE: Mapping[str, type[ApiError]] = {
    "not_connected": AccountNotConnected,
    "access_token_invalid": AccountNotConnected,
    "PRECONDITION_FAILED": VersionConflict,
    "IDEMPOTENCY_MISMATCH": KeyReused,
    "may_have_taken_effect": ResultUnknown,
    "reply_unconfirmed": ResultUnknown,
    "storage_budget_exceeded": StorageFull,
    "INSUFFICIENT_STORAGE": StorageFull,
    "quota_exceeded": QuotaUsedUp,
}
"""Codes that mean more than their status."""

ERRORS_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: InvalidRequest,
    401: NotAuthenticated,
    403: PermissionDenied,
    404: ResourceNotFound,
    405: InvalidRequest,
    408: ServerUnavailable,
    409: StateConflict,
    412: InvalidRequest,
    413: ContentTooLarge,
    415: InvalidRequest,
    416: InvalidRequest,
    422: InvalidRequest,
    429: TooManyRequests,
    500: ServerFailed,
    502: ServerFailed,
    503: ServerUnavailable,
    504: ServerUnavailable,
    507: StorageFull,
}


def find_error_class(code: str, status: int) -> type[ApiError]:
    """Return the class of a refusal; that of its status if its code has none of its own."""
    return ERRORS_BY_CODE.get(code) or ERRORS_BY_STATUS.get(status, ApiError)
