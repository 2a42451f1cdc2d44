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
    webhook_url: str = ""
    instagram_webhook_url: str = ""  # empty: the Facebook app's
    deauthorize_url: str = ""
    data_deletion_url: str = ""
    instagram_deauthorize_url: str = ""  # empty: the Facebook app's
    instagram_data_deletion_url: str = ""  # empty: the Facebook app's
    callback_user_id: str = "app_scoped"  # of an Instagram Login: app_scoped or professional
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
    batch_seconds: float = 0.0  # for so long changes are collected into one delivery
    change_entry_time: bool = True  # a repeated delivery carries the time of its attempt

    # publishing
    image_seconds: float = 1.0  # from creation to FINISHED; also of a carousel
    video_seconds: float = 2.0  # from the arrival of the bytes to FINISHED
    container_seconds: float = DAY  # until a container expires
    containers_per_day: int = 400
    publishing_quota: int = 100  # the pages name 100, 50 and 25
    has_stories_in_quota: bool = True  # not documented
    quota_lag_seconds: float = 0.0  # a post is counted by the limit's endpoint after so long
    late_ready_publishes: int = 0  # so many publishes after FINISHED answer 9007
    second_publish: str = "refuse"  # of a published container: refuse or same_id; not documented
    expired_code: int = 24  # of publishing an expired container: 24 or -2
    max_hashtags: int = 30  # the consumer app is said to allow 5
    max_mentions: int = 20  # the consumer app is said to allow 3
    strict_media: bool = True  # inspect videos; otherwise only their first bytes are checked
    strict_index: bool = False  # videos need `moov` first and no edit lists, as the page says
    lenient_images: bool = False  # PNG and WebP are accepted, as was measured
    needs_range: bool = True  # a video's host has to answer HEAD and Range
    fetch_timeout: float = 10.0  # seconds of the wall clock
    simulate_remote_media: bool = True  # URLs of other hosts count as fetched; otherwise they fail
    resumable_on_instagram_login: bool = False
    stories_need_business: bool = False  # the page says so, enforcement is not known
    page_token_outage: bool = False  # 100/33 for nodes read with a Page token, as in May 2026
    media_list_lag_seconds: float = 0.0  # new media is listed after so long
    captions_keep_mentions: bool = False  # with MANAGE on the Page, captions are read with `@`
    instagram_login_captions: bool = True  # the page says Facebook Login only, clients read them

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
    account_calls_per_day: int = 48_000  # 4800 for each impression, at least 10 of them
    app_calls_per_hour: int = 0  # 200 for each user of the app
    account_limit_code: int = 80002  # 80002, 17, 32 or 613
    regain_minutes: float = 5.0  # until calls are answered again
    regain_penalty_minutes: float = 1.0  # each call in the meantime prolongs it by so much
