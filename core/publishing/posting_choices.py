"""What an account may choose right now when it posts, for publishing forms."""

from collections.abc import Mapping
from typing import Any

from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.bootstrap import Services
from core.errors import NotFound, RateLimitExceeded
from core.outcomes import LocalRateLimit
from db.accounts.accounts import Account
from db.session import Database
from platforms.errors import RateLimited, TokenExpired
from platforms.platform import PostingChoices
from platforms.registry import PLATFORMS


def load_posting_choices(database: Database, services: Services, account: Account) -> Any:
    """Ask the platform what the account may choose, in its own form; never stored.

    A refused token is refreshed once. Errors: NotFound if the platform has no such question;
    NeedsReconnect, NotConnected, ServiceUnavailable; RateLimitExceeded; PlatformError, also if the
    answer does not say what the form has to ask.
    """
    choices = PLATFORMS[account.provider].posting_choices
    if choices is None:
        raise NotFound(f"{account.provider} has no choices that depend on the account")
    access_token = get_or_refresh_token(database, services, account.id)
    try:
        try:
            options = fetch_options(choices, access_token, account.provider, services)
        except TokenExpired:
            renewed_token = get_or_refresh_token(
                database, services, account.id, refused_token=access_token
            )
            options = fetch_options(choices, renewed_token, account.provider, services)
    except LocalRateLimit as limit:
        raise RateLimitExceeded(str(limit), code=limit.code, retry_after=limit.delay) from None
    return choices.build(options, services.settings.of_platform(account.provider))


def fetch_options(
    choices: PostingChoices, access_token: AccessToken, provider: str, services: Services
) -> Mapping[str, Any]:
    """Errors: LocalRateLimit if the platform's limit for this call is reached; PlatformError."""
    account_id, rate_limits = access_token.account_id, services.rate_limits
    wait = rate_limits.acquire(account_id, choices.call_class)
    if wait:
        cause = rate_limits.find_block_cause(account_id, choices.call_class)
        raise LocalRateLimit(wait, f"rate limit of {choices.call_class} calls", code=cause)
    reader = services.get_adapter(provider).posting_options
    if reader is None:
        raise NotFound(f"{provider} has no choices that depend on the account")
    try:
        return reader.fetch_posting_options(access_token.decrypt(services))
    except RateLimited as error:
        rate_limits.block(account_id, choices.call_class, error.retry_after, error.code)
        raise
