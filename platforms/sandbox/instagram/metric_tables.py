"""Which insight metrics exist, for what, and with which breakdowns.

Source: Meta, media insights and account insights (text of 2026-09-11), Instagram changelog up to
2026-10-05, read 2026-11-22. The order of the names is that of Meta's own error message, as
measured on v25.0 in July 2026.
"""

from dataclasses import dataclass

FACEBOOK, INSTAGRAM = "facebook", "instagram"
FEED, REELS, STORY = "FEED", "REELS", "STORY"
DAY, LIFETIME = "day", "lifetime"
TIME_SERIES, TOTAL_VALUE = "time_series", "total_value"
PERIODS = (DAY, "week", "days_28", "month", LIFETIME, "total_over_range")
METRIC_TYPES = ("default", TIME_SERIES, TOTAL_VALUE)
TIMEFRAMES = ("this_week", "this_month")
WITHDRAWN_TIMEFRAMES = ("last_14_days", "last_30_days", "last_90_days", "prev_month")
IMPRESSIONS_END = 1_719_878_400.0  # 2024-07-02: impressions remain readable for older media

MEDIA_BREAKDOWNS = {
    "action_type": ("BIO_LINK_CLICKED", "CALL", "DIRECTION", "EMAIL", "OTHER", "TEXT"),
    "story_navigation_action_type": ("SWIPE_FORWARD", "TAP_BACK", "TAP_EXIT", "TAP_FORWARD"),
}
ACCOUNT_BREAKDOWNS = {
    "media_product_type": ("AD", "CAROUSEL_CONTAINER", "POST", "REEL", "STORY"),
    "follow_type": ("FOLLOWER", "NON_FOLLOWER", "UNKNOWN"),
    "contact_button_type": (
        "BOOK_NOW",
        "CALL",
        "DIRECTION",
        "EMAIL",
        "INSTANT_EXPERIENCE",
        "TEXT",
        "UNDEFINED",
    ),
    "age": ("13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+"),
    "city": ("Paris, Île-de-France", "London, England", "Berlin, Berlin"),
    "country": ("FR", "GB", "DE", "US"),
    "gender": ("F", "M", "U"),
}
DEMOGRAPHIC_BREAKDOWNS = ("age", "city", "country", "gender")
MEDIA_BREAKDOWN_NAMES = (
    "follow_type",
    "surface_type",
    "action_type",
    "story_navigation_action_type",
)
"""The names that Meta's error lists; no metric of media takes the first two, as was measured."""
ACCOUNT_BREAKDOWN_NAMES = (
    "country",
    "city",
    "age",
    "gender",
    "follow_type",
    "media_product_type",
    "contact_button_type",
)
"""`follower_type`, which Meta's table has for `views`, is refused, as was measured."""


@dataclass(frozen=True)
class SandboxMediaMetric:
    """A metric of single media.

    `share`: its value as a share of the views. `flavours`: the logins whose API has it.
    """

    name: str
    product_types: tuple[str, ...]
    title: str
    share: float
    breakdown: str = ""
    flavours: tuple[str, ...] = (FACEBOOK, INSTAGRAM)
    needs_facebook_share: bool = False


@dataclass(frozen=True)
class SandboxAccountMetric:
    """A metric of an account; `share` is its value as a share of the account's daily views.

    `min_audience`: followers, or engaged accounts, below which Meta has no data. `needs_breakdown`:
    without one there is no value, as was measured.
    """

    name: str
    title: str
    share: float
    breakdowns: tuple[str, ...] = ()
    metric_types: tuple[str, ...] = (TOTAL_VALUE,)
    period: str = DAY
    min_audience: int = 0
    needs_breakdown: bool = False
    is_documented: bool = True


ALL_TYPES = (FEED, REELS, STORY)
FACEBOOK_ONLY = (FACEBOOK,)
MEDIA_METRICS: dict[str, SandboxMediaMetric] = {
    metric.name: metric
    for metric in (
        # only for old media: see IMPRESSIONS_END
        SandboxMediaMetric("impressions", (FEED,), "Impressions", 1.0),
        SandboxMediaMetric("reach", ALL_TYPES, "Accounts reached", 0.8),
        SandboxMediaMetric("replies", (STORY,), "Replies", 0.01),
        SandboxMediaMetric("saved", (FEED, REELS), "Saved", 0.02),
        SandboxMediaMetric("likes", (FEED, REELS), "Likes", 0.1),
        SandboxMediaMetric("comments", (FEED, REELS), "Comments", 0.0),  # counted
        SandboxMediaMetric("shares", ALL_TYPES, "Shares", 0.03),
        SandboxMediaMetric("total_interactions", ALL_TYPES, "Interactions", 0.0),  # the sum
        SandboxMediaMetric("follows", (FEED, STORY), "Follows", 0.005),
        SandboxMediaMetric("profile_visits", (FEED, STORY), "Profile visits", 0.05),
        SandboxMediaMetric(
            "profile_activity", (FEED, STORY), "Profile activity", 0.02, breakdown="action_type"
        ),
        SandboxMediaMetric(
            "navigation", (STORY,), "Navigation", 0.9, breakdown="story_navigation_action_type"
        ),
        SandboxMediaMetric("ig_reels_video_view_total_time", (REELS,), "Watch time", 4000.0),  # ms
        SandboxMediaMetric(
            "ig_reels_avg_watch_time", (REELS,), "Average watch time", 0.0
        ),  # a quotient
        SandboxMediaMetric("views", ALL_TYPES, "Views", 1.0),
        SandboxMediaMetric("reels_skip_rate", (REELS,), "Skip rate", 0.0),  # percent
        SandboxMediaMetric("reposts", ALL_TYPES, "Reposts", 0.004),
        SandboxMediaMetric(
            "facebook_views", ALL_TYPES, "Facebook views", 0.3, needs_facebook_share=True
        ),
        SandboxMediaMetric(
            "crossposted_views", (REELS,), "Crossposted views", 1.3, needs_facebook_share=True
        ),
        SandboxMediaMetric("total_views", ALL_TYPES, "Total views", 1.0, flavours=FACEBOOK_ONLY),
        SandboxMediaMetric(
            "total_likes", (FEED, REELS), "Total likes", 0.1, flavours=FACEBOOK_ONLY
        ),
        SandboxMediaMetric(
            "total_comments", (FEED, REELS), "Total comments", 0.0, flavours=FACEBOOK_ONLY
        ),
        SandboxMediaMetric("link_clicks", (STORY,), "Link clicks", 0.01, flavours=FACEBOOK_ONLY),
    )
}

BY_PRODUCT = ("media_product_type",)
BY_FOLLOWING = ("follow_type",)


def demographic_metric(name: str, title: str) -> SandboxAccountMetric:
    return SandboxAccountMetric(
        name,
        title,
        0.0,
        DEMOGRAPHIC_BREAKDOWNS,
        period=LIFETIME,
        min_audience=100,
        needs_breakdown=True,
    )


ACCOUNT_METRICS: dict[str, SandboxAccountMetric] = {
    metric.name: metric
    for metric in (
        SandboxAccountMetric(
            "reach",
            "Accounts reached",
            0.8,
            (*BY_PRODUCT, *BY_FOLLOWING),
            (TIME_SERIES, TOTAL_VALUE),
        ),
        SandboxAccountMetric(
            "follower_count", "Follower count", 0.01, (), (TIME_SERIES,), DAY, 100
        ),
        SandboxAccountMetric("website_clicks", "Website clicks", 0.01, is_documented=False),
        SandboxAccountMetric("profile_views", "Profile views", 0.05, is_documented=False),
        SandboxAccountMetric(
            "online_followers", "Online followers", 0.2, (), (TIME_SERIES,), LIFETIME, 100
        ),
        SandboxAccountMetric("accounts_engaged", "Accounts engaged", 0.12),
        SandboxAccountMetric("total_interactions", "Content interactions", 0.16, BY_PRODUCT),
        SandboxAccountMetric("likes", "Likes", 0.1, BY_PRODUCT),
        SandboxAccountMetric("comments", "Comments", 0.01, BY_PRODUCT),
        SandboxAccountMetric("shares", "Shares", 0.03, BY_PRODUCT),
        SandboxAccountMetric("saves", "Saves", 0.02, BY_PRODUCT),
        SandboxAccountMetric("replies", "Replies", 0.01),
        demographic_metric("engaged_audience_demographics", "Engaged audience demographics"),
        demographic_metric("follower_demographics", "Follower demographics"),
        SandboxAccountMetric(
            "follows_and_unfollows",
            "Follows and unfollows",
            0.01,
            BY_FOLLOWING,
            min_audience=100,
            needs_breakdown=True,
        ),
        SandboxAccountMetric(
            "profile_links_taps", "Profile links taps", 0.01, ("contact_button_type",)
        ),
        SandboxAccountMetric("views", "Views", 1.0, (*BY_FOLLOWING, *BY_PRODUCT)),
        SandboxAccountMetric("reposts", "Reposts", 0.004),
    )
}
FOLLOWER_COUNT, ONLINE_FOLLOWERS = "follower_count", "online_followers"
FOREIGN_METRICS = (
    "reached_audience_demographics",
    "threads_likes",
    "threads_replies",
    "quotes",
    "threads_followers",
    "threads_follower_demographics",
    "content_views",
    "threads_views",
    "threads_clicks",
    "threads_reposts",
)
"""Names that Meta's error lists beside the documented ones; nothing is known of their values."""
