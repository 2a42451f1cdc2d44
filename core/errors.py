"""What can go wrong on our side of the wire. HTTP statuses live in `app/errors.py` alone."""

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
        """`message` is for developers and may hold no secret; `details` goes out as JSON."""
        super().__init__(message or self.__doc__)
        self.code = code or type(self).code
        self.details = dict(details or {})
        self.retry_after = retry_after

    @property
    def user_message(self) -> str:
        return self.__doc__ or ""


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
    """There is nothing here under that name."""

    code = "NOT_FOUND"


class Conflict(CoreError):
    """This does not fit what already exists."""

    code = "CONFLICT"


class TooLarge(CoreError):
    """That is larger than we accept."""

    code = "PAYLOAD_TOO_LARGE"


class QuotaExceeded(CoreError):
    """The limit of posts is reached for now."""

    code = "quota_exceeded"
    retryable = True


class RateLimitExceeded(CoreError):
    """Too many requests; please wait a moment."""

    code = "rate_limit_exceeded"
    retryable = True


class NeedsReconnect(CoreError):
    """The account has to be connected again."""

    code = "access_token_invalid"


class NotConnected(CoreError):
    """No account is connected for this."""

    code = "not_connected"


class ServiceUnavailable(CoreError):
    """Something we depend on is not available right now."""

    code = "SERVICE_UNAVAILABLE"
    retryable = True


class OperationFailed(CoreError):
    """The platform could not do it; `code` says why."""

    code = "upload_failed"


class DecryptionFailed(CoreError):
    """A sealed value could not be opened."""

    code = "crypto_error"
