"""Settings of the Instagram sandbox that can be changed while it runs; defaults are Meta's figures.

Source: Meta, the pages named in `platforms/sandbox/instagram/*.py`, read 2026-11-22. What these
pages leave open is a setting here.
"""

from dataclasses import dataclass

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class InstagramSandboxSettings:
    """Durations in seconds of the sandbox's clock."""

    # the apps' registration
    webhook_url: str = (
        ""  # deliveries of the Facebook app, and of the Instagram app without its own
    )
    instagram_webhook_url: str = ""
    deauthorize_url: str = ""
    data_deletion_url: str = ""
    is_live: bool = True  # a webhook needs a published app
    has_advanced_access: bool = True  # comments and live_comments need it
    app_fields: str = "comments,live_comments,mentions,story_insights"  # subscribed by the app
    require_appsecret_proof: bool = False
    strict_params: bool = True  # the dialogs refuse parameters that are not documented

    # logins
    code_seconds: float = 3_600.0
    short_token_seconds: float = 3_600.0
    long_token_seconds: float = 5_183_944.0
    data_access_seconds: float = 90 * DAY
    refresh_min_age: float = DAY  # an Instagram token has to be so old to be refreshed
    refresh_keeps_token: bool = True  # the refreshed token is the same text, as observed
    code_answer: str = "flat"  # of api.instagram.com: flat (clients) or data (documentation)
    user_id_type: str = "number"  # of `user_id` in it: number or string
    permissions_type: str = "list"  # of `permissions` in it: list or text
    user_token_expires_in: bool = True  # whether the answer says `expires_in`
    revoke_answer: str = "object"  # of DELETE /me/permissions: object or true
    dialog_tail: bool = True  # `#_=_` and `#_` after the callback's parameters

    # identity
    me_accounts: str = "all"  # all, empty or partial: without the Pages of a portfolio
    target_ids: bool = True  # whether debug_token names the granted ids
    page_size: int = 25  # of lists without `limit`

    # deliveries
    redelivery_seconds: float = 1.0
    delivery_timeout: float = 5.0
    sha1_header: bool = True  # the legacy header is sent beside the SHA-256 one
    delivery_shape: str = "changes"
    change_entry_time: bool = True  # a repeated delivery carries the time of its attempt

    # Helpers of other parts add their settings below this line.

    # comments and insights
    comment_paging: bool = True  # whether lists of comments have `paging`, as clients have received
    insights_delay_seconds: float = 0.0  # new media has no insights for so long; Meta: up to 48 h
    media_views_per_hour: float = 3_600.0  # other metrics are shares of the views
    account_views_per_day: float = 10_000.0
    account_insights_days: int = 90  # for so long Meta keeps the insights of accounts
    are_story_replies_withheld: bool = False  # as for stories from Europe and Japan
    has_undocumented_metrics: bool = False  # profile_views, website_clicks: still answered in 2026
    has_page_search: bool = True  # the feature Page Public Metadata Access
    error_language: str = ""  # of `error_user_msg`; "": English

    # rate limits, in calls; 0: none. Errors name the code that is answered at 100 %
    account_calls_per_day: int = 48_000  # 4800 × impressions, with a floor of 10 impressions
    app_calls_per_hour: int = 0  # 200 × users
    account_limit_code: int = 80002  # 80002, 17, 32 or 613
    regain_minutes: float = 5.0  # until calls are answered again
    regain_penalty_minutes: float = 1.0  # each call in the meantime prolongs it by so much
