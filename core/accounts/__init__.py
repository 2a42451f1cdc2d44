"""The accounts capability: what app, tasks and other capabilities may use of it."""

from core.accounts.connect import (
    ConnectedAccount,
    ConsentRedirect,
    complete_connection,
    start_connection,
)
from core.accounts.disconnect import DisconnectResult, disconnect_account
from core.accounts.error_codes import ERROR_CAUSES, callback_error_code
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.refresh_now import RefreshSummary, refresh_due_accounts
from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.accounts.view import (
    AccountHealth,
    AccountView,
    PlatformView,
    list_account_views,
    list_platform_views,
)

__all__ = [
    "ERROR_CAUSES",
    "REFRESH_JOB_TYPE",
    "AccessToken",
    "AccountHealth",
    "AccountView",
    "ConnectedAccount",
    "ConsentRedirect",
    "DisconnectResult",
    "PlatformView",
    "RefreshSummary",
    "callback_error_code",
    "complete_connection",
    "disconnect_account",
    "get_or_refresh_token",
    "list_account_views",
    "list_platform_views",
    "refresh_due_accounts",
    "start_connection",
]
