"""Meta's permissions: which ones each login asks for, and what an account needs them for.

Source: Meta, Instagram Platform overview (2026-09-16) and its pages on publishing, comments and
insights, read 2026-11-22.
"""

from collections.abc import Mapping
from datetime import timedelta

from platforms.logins import FlowRules, RenewalKind, RenewalRule
from platforms.publishing import Capability

RENEWAL_WINDOW = timedelta(days=10)  # before the end of a token of about 60 days
RENEWAL_INTERVAL = timedelta(days=1)
NO_DESTINATION = "no_business_account"  # the code of a login without a professional account
MIN_TOKEN_AGE = timedelta(hours=24)  # Instagram Login refuses to renew a younger token

FACEBOOK_SCOPES = (
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_comments",
    "instagram_manage_insights",
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_metadata",  # subscribes the Page to webhooks
)
BUSINESS_SCOPE = "business_management"  # lists the Pages of business portfolios
INSTAGRAM_SCOPES = (
    "instagram_business_basic",
    "instagram_business_content_publish",
    "instagram_business_manage_comments",
    "instagram_business_manage_insights",
)

FACEBOOK_CAPABILITIES: Mapping[Capability, frozenset[str]] = {
    Capability.PUBLISH: frozenset({"instagram_content_publish", "pages_read_engagement"}),
    Capability.COMMENTS: frozenset({"instagram_manage_comments", "pages_read_engagement"}),
    Capability.REPLY: frozenset({"instagram_manage_comments", "pages_read_engagement"}),
    Capability.MENTIONS: frozenset({"instagram_manage_comments", "pages_read_engagement"}),
    Capability.INSIGHTS: frozenset({"instagram_manage_insights", "pages_read_engagement"}),
    # needs a feature that Meta reviews, and no permission of its own
    Capability.LOCATION: frozenset({"instagram_basic"}),
}
INSTAGRAM_CAPABILITIES: Mapping[Capability, frozenset[str]] = {
    Capability.PUBLISH: frozenset({"instagram_business_content_publish"}),
    Capability.COMMENTS: frozenset({"instagram_business_manage_comments"}),
    Capability.REPLY: frozenset({"instagram_business_manage_comments"}),
    Capability.INSIGHTS: frozenset({"instagram_business_manage_insights"}),
}
"""Mentions and the search for places do not exist in this login."""


def facebook_rules(
    renewal_window: timedelta = RENEWAL_WINDOW, *, has_businesses: bool = False
) -> FlowRules:
    """Return the rules of Facebook Login.

    `renewal_window`: before the end of the user's token. `has_businesses`: the Pages of business
    portfolios are listed too, which needs a permission of its own.
    """
    return FlowRules(
        name="facebook",
        scopes=FACEBOOK_CAPABILITIES,
        required_scopes=frozenset({"instagram_basic", "pages_show_list"}),
        renewal=RenewalRule(
            RenewalKind.EXCHANGE, due_before_end=renewal_window, min_interval=RENEWAL_INTERVAL
        ),
        has_chooser=True,
        can_inspect=True,
        default_scopes=(*FACEBOOK_SCOPES, BUSINESS_SCOPE) if has_businesses else FACEBOOK_SCOPES,
        no_destination_code=NO_DESTINATION,
    )


def instagram_rules(renewal_window: timedelta = RENEWAL_WINDOW) -> FlowRules:
    """Return the rules of Instagram Login."""
    return FlowRules(
        name="instagram",
        scopes=INSTAGRAM_CAPABILITIES,
        required_scopes=frozenset({"instagram_business_basic"}),
        renewal=RenewalRule(
            RenewalKind.EXCHANGE,
            due_before_end=renewal_window,
            min_age=MIN_TOKEN_AGE,
            min_interval=RENEWAL_INTERVAL,
        ),
        can_inspect=True,
        default_scopes=INSTAGRAM_SCOPES,
        no_destination_code=NO_DESTINATION,
    )


FLOWS: Mapping[str, FlowRules] = {"facebook": facebook_rules(), "instagram": instagram_rules()}
"""The logins with the default renewal window."""
