"""The errors that calls to a platform raise, in one hierarchy below `PlatformError`."""

from datetime import timedelta

NO_WAIT = timedelta(0)


class PlatformError(Exception):
    """The platform could not carry out the call."""

    code = "platform_error"
    retryable = False
    after_server_error = False  # an earlier attempt of this call may have taken effect
    stops_account = False  # the account may post nothing more for `retry_after`
    item = 0  # which of a post's files it is about, counted from 1; 0: not one of several

    def __init__(
        self,
        message: str = "",
        *,
        code: str | None = None,
        retry_after: timedelta = NO_WAIT,
        log_id: str | None = None,
        may_have_arrived: bool = True,
    ) -> None:
        """`code` is the vendor's; `may_have_arrived` is False only if the call never arrived."""
        super().__init__(message or self.__doc__)
        self.code = code or type(self).code
        self.retry_after = retry_after
        self.log_id = log_id
        self.may_have_arrived = may_have_arrived


class Unavailable(PlatformError):
    """The platform gave no usable answer. The call is retried later."""

    code = "platform_unavailable"
    retryable = True


class UnreadableResponse(Unavailable):
    """The platform's response lacks what the call needs, or cannot be read. Retried later."""

    code = "INVALID_RESPONSE"


class MisdirectedResponse(UnreadableResponse):
    """The platform's response is about another account or post than the call. Nothing is used."""


class TimedOut(Unavailable):
    """The platform took too long to answer. The call is retried later."""

    code = "timeout"


class ServerBusy(Unavailable):
    """The platform refused the call because it is overloaded, and did nothing. Retried later."""

    code = "server_error"


class RateLimited(PlatformError):
    """The platform limits the rate of calls. The call is retried when the limit allows it."""

    code = "rate_limit_exceeded"
    retryable = True


class TokenExpired(PlatformError):
    """The platform no longer accepts this access token."""

    code = "access_token_invalid"
    retryable = True


class Rejected(PlatformError):
    """The platform refused the request; sending it again unchanged does not help."""

    code = "invalid_param"


class NotReadable(Rejected):
    """The platform does not show this object to this token, or it does not exist."""

    code = "not_readable"


class OutcomeUnknown(Unavailable):
    """The platform refused the call, although the call may have taken effect. Never repeated."""

    code = "may_have_taken_effect"


class Revoked(PlatformError):
    """The grant is no longer valid: the account has to be connected again."""

    code = "invalid_grant"


class AppRefused(PlatformError):
    """The platform does not accept the client key or secret: the operator has to correct them."""

    code = "invalid_credentials"
    retryable = True  # a typing error in our settings must not disconnect the accounts


class BadSignature(PlatformError):
    """The signature of a delivery does not match its body, or it is meant for another app."""

    code = "invalid_signature"
    reason = "other_app"  # or why the signature was refused, as `Verdict.reason`


class BadHandshake(PlatformError):
    """A webhook handshake does not carry our verify token."""

    code = "verification_failed"
