"""The accounts capability: what app, tasks and other capabilities may use of it."""

from core.accounts.changed_logins import check_login_flows
from core.accounts.connect import (
    CONNECTION_STEPS,
    START_STEP,
    ConnectedAccount,
    ConsentRedirect,
    complete_connection,
    record_refusal,
    start_connection,
)
from core.accounts.destination_view import DestinationView, UnavailableDestination
from core.accounts.disconnect import DisconnectResult, disconnect_account
from core.accounts.error_codes import ERROR_CAUSES, callback_error_code
from core.accounts.inspection import inspect_logins
from core.accounts.pictures import PICTURE_JOB_TYPE
from core.accounts.posting_tokens import (
    PostingToken,
    get_destination_token,
    get_posting_token,
    report_refused_posting_token,
)
from core.accounts.probes import LoginProbe, probe_logins
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.refresh_now import RefreshSummary, refresh_due_accounts
from core.accounts.restored_logins import confirm_restored_logins
from core.accounts.selection import select_destinations
from core.accounts.subscriptions import repair_subscriptions
from core.accounts.tokens import AccessToken, get_or_refresh_token
from core.accounts.view import (
    AccountHealth,
    AccountView,
    PlatformView,
    find_rules,
    list_account_views,
    list_destination_views,
    list_platform_views,
    requested_scopes,
)
from core.accounts.waiting_posts import ResumedPosts, count_waiting_posts, list_resumed_posts

__all__ = [
    "CONNECTION_STEPS",
    "ERROR_CAUSES",
    "PICTURE_JOB_TYPE",
    "REFRESH_JOB_TYPE",
    "START_STEP",
    "AccessToken",
    "AccountHealth",
    "AccountView",
    "ConnectedAccount",
    "ConsentRedirect",
    "DestinationView",
    "DisconnectResult",
    "LoginProbe",
    "PlatformView",
    "PostingToken",
    "RefreshSummary",
    "ResumedPosts",
    "UnavailableDestination",
    "callback_error_code",
    "check_login_flows",
    "complete_connection",
    "confirm_restored_logins",
    "count_waiting_posts",
    "disconnect_account",
    "find_rules",
    "get_destination_token",
    "get_or_refresh_token",
    "get_posting_token",
    "inspect_logins",
    "list_account_views",
    "list_destination_views",
    "list_platform_views",
    "list_resumed_posts",
    "probe_logins",
    "record_refusal",
    "refresh_due_accounts",
    "repair_subscriptions",
    "report_refused_posting_token",
    "requested_scopes",
    "select_destinations",
    "start_connection",
]
