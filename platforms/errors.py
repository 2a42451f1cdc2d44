"""What can go wrong when speaking to a platform. Says nothing of HTTP statuses of our own API."""

from datetime import timedelta

NO_WAIT = timedelta(0)


class PlatformError(Exception):
    """The platform could not do what we asked."""

    code = "platform_error"
    retryable = False
    after_server_error = False  # an earlier try of this very call may have had its effect

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        retry_after: timedelta = NO_WAIT,
        log_id: str | None = None,
        reached: bool = True,
    ) -> None:
        """`code` is the vendor's own; `reached` is False only if the call surely never arrived."""
        super().__init__(message or self.__doc__)
        self.code = code or type(self).code
        self.retry_after = retry_after
        self.log_id = log_id
        self.may_have_arrived = reached

    @property
    def user_message(self) -> str:
        return self.__doc__ or ""


class Unavailable(PlatformError):
    """The platform did not answer properly. We try again by ourselves."""

    code = "platform_unavailable"
    retryable = True


class TimedOut(Unavailable):
    """The platform took too long to answer. We try again by ourselves."""

    code = "timeout"


class ServerBusy(Unavailable):
    """The platform takes no work at the moment, and has done none. We try again by ourselves."""

    code = "server_error"


class RateLimited(PlatformError):
    """The platform asked us to slow down. We go on as soon as it lets us."""

    code = "rate_limit_exceeded"
    retryable = True


class TokenExpired(PlatformError):
    """The platform no longer accepts this access token."""

    code = "access_token_invalid"
    retryable = True


class Rejected(PlatformError):
    """The platform refused the request as it stands."""

    code = "invalid_param"


class Revoked(PlatformError):
    """The grant is dead: the account has to be connected again."""

    code = "invalid_grant"


class AppRefused(PlatformError):
    """The platform does not accept this application's own credentials: its operator has to act."""

    code = "invalid_credentials"
    retryable = True  # nothing is wrong with the account, which must outlive a typing error of ours


class BadSignature(PlatformError):
    """A delivery whose signature does not match its body."""

    code = "invalid_signature"


class BadHandshake(PlatformError):
    """A request to confirm our address that does not know our verify token."""

    code = "verification_failed"
