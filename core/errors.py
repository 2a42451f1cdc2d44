"""Errors of our own use cases. Their HTTP statuses are in `app/http/errors.py`.

The docstring of a class is its default message.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any


class CoreError(Exception):
    """Something went wrong on our side."""

    code = "INTERNAL_ERROR"
    retryable = False

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        """`message` is for developers, `details` is sent to clients as JSON; neither holds secrets.

        `code` is the error code of the API, by default that of the class.
        """
        super().__init__(message or self.__doc__)
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.retry_after = retry_after


class Misconfigured(CoreError):
    """The system is not fully configured."""

    code = "CONFIG_MISSING"


class Invalid(CoreError):
    """Some of the information sent is not valid."""

    code = "VALIDATION_ERROR"


class Unauthorized(CoreError):
    """Please sign in first."""

    code = "UNAUTHORIZED"


class Forbidden(CoreError):
    """You may not do this."""

    code = "FORBIDDEN"


class NotFound(CoreError):
    """This does not exist, or belongs to another user."""

    code = "NOT_FOUND"


class Conflict(CoreError):
    """The request conflicts with what already exists."""

    code = "CONFLICT"


class PreconditionFailed(CoreError):
    """This was changed in the meantime."""

    code = "PRECONDITION_FAILED"


class TooLarge(CoreError):
    """The content is larger than allowed."""

    code = "PAYLOAD_TOO_LARGE"


class StorageUnavailable(CoreError):
    """The media store is full or cannot be written to."""

    code = "INSUFFICIENT_STORAGE"
    retryable = True


class StorageBudgetExceeded(CoreError):
    """The files of this user would take more storage than each user has."""

    code = "storage_budget_exceeded"


class TooManyUploads(CoreError):
    """This user has too many unfinished uploads."""

    code = "too_many_uploads"
    retryable = True


class QuotaExceeded(CoreError):
    """The limit for posts of this account is reached."""

    code = "quota_exceeded"
    retryable = True


class RateLimitExceeded(CoreError):
    """Too many requests; please wait a moment."""

    code = "rate_limit_exceeded"
    retryable = True


class NeedsReconnect(CoreError):
    """The account must be connected again."""

    code = "access_token_invalid"


class NotConnected(CoreError):
    """No account is connected for this request."""

    code = "not_connected"


class ServiceUnavailable(CoreError):
    """A service that we depend on is not available right now."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True


class OperationFailed(CoreError):
    """The platform refused or failed the operation; `code` is the reason."""

    code = "upload_failed"


class DecryptionFailed(CoreError):
    """A stored secret could not be decrypted."""

    code = "crypto_error"
