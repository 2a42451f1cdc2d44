"""Instagram in the contract suite, once with each of its logins."""

from dataclasses import replace
from datetime import timedelta

from platforms.insights_base import AccountAccess, PublicItem
from platforms.instagram.error_catalogue import ERROR_CATALOGUE, find_meaning
from platforms.instagram.message_changes import MESSAGE_FORMS
from platforms.publishing import MediaItem
from tests.platforms.platform_profiles import OUR_FILE_ID, ContractPost, PlatformProfile, ShapeCall

FACEBOOK_SCOPES = (
    *("instagram_basic", "instagram_content_publish", "instagram_manage_comments"),
    *("instagram_manage_insights", "pages_show_list", "pages_read_engagement"),
    *("pages_manage_metadata", "business_management"),
)
INSTAGRAM_SCOPES = (
    *("instagram_business_basic", "instagram_business_content_publish"),
    *("instagram_business_manage_comments", "instagram_business_manage_insights"),
)
WEBHOOK_FIELD = "mentions"  # also the name of an endpoint that is not used
IMAGE_URL, VIDEO_URL = "https://cdn.example/a.jpg", "https://cdn.example/a.mp4"
ONE_PART_CALLS = {
    "create": "container_create",
    "check": "container_status",
    "publish": "media_publish",
    "details": "media_node",
}
COLLECTION_CALLS = ONE_PART_CALLS | {"create_parent": "container_create"}


def image(position=0, role="image"):
    return MediaItem(position, role, url=IMAGE_URL, content_type="image/jpeg")


def video(position=0, role="video", url=VIDEO_URL, **fields):
    return MediaItem(position, role, url=url, content_type="video/mp4", **fields)


POSTS = {
    "image": ContractPost("IMAGE", (image(),), ONE_PART_CALLS),
    "reel": ContractPost("REELS", (video(),), ONE_PART_CALLS),
    "story": ContractPost("STORIES", (video(role="item"),), ONE_PART_CALLS),
    "carousel": ContractPost(
        "CAROUSEL",
        (image(1, "item"), video(2, "item"), image(3, "item")),
        COLLECTION_CALLS,
    ),
}
UPLOADS = {
    "uploaded reel": ContractPost(
        "REELS",
        (video(url=None, media_id=OUR_FILE_ID),),
        ONE_PART_CALLS | {"send": "rupload"},
    ),
    "uploaded item": ContractPost(
        "CAROUSEL",
        (image(1, "item"), video(2, "item", url=None, media_id=OUR_FILE_ID)),
        COLLECTION_CALLS | {"send": "rupload"},
    ),
}
"""Posts whose bytes we send; only Facebook Login can."""


def read_access(account, token=None):
    return AccountAccess(token or account.token, account.scopes, account.id, account.fallback_token)


def fetch_totals(account, token):
    return account.adapter.insights.fetch_account_totals(read_access(account, token))


def identify(account, _prepared=None):
    return account.adapter.flow.identify(account.grant)


def find_destinations(account, _prepared=None):
    found = account.adapter.flow.find_destinations(account.grant)
    described = [(each.external_id, each.name, each.blocked) for each in found.destinations]
    return described, found.is_complete


def find_by_granted_ids(account, _prepared):
    """Find the account although the list of Pages is empty, as it is for portfolios."""
    account.sandbox.control("instagram/settings", me_accounts="empty")
    try:
        return find_destinations(account)
    finally:
        account.sandbox.control("instagram/settings", me_accounts="all")


def renew(account, _prepared):
    """Return what is the same in each grant; `observed` lifetimes differ by seconds."""
    grant = account.adapter.flow.renew(access_token=account.grant.access_token, refresh_token=None)
    assert grant.access_token
    return grant.is_lifetime_assumed, is_long(grant), grant.login_id


def is_long(grant):
    return grant.lifetime is not None and grant.lifetime > timedelta(days=50)


def connect_again(account, _prepared):
    """Return what a whole new login gives."""
    grant = account.sandbox.give_consent(account.person)
    identity = account.adapter.flow.identify(grant)
    return is_long(grant), identity, find_destinations(account)


def inspect_token(account, _prepared):
    found = account.adapter.flow.inspect_token(account.grant.access_token)
    return found.is_valid, frozenset(found.scopes), found.code


def subscribe(account, _prepared):
    subscriber = account.adapter.subscriber
    subscriber.subscribe(account.destination, account.token, account.fallback_token)
    return frozenset(
        subscriber.read_subscription(account.destination, account.token, account.fallback_token)
    )


def post_in_app(account, **fields):
    return account.sandbox.control("instagram/app-posts", account_id=account.id, **fields)["id"]


def comment_in_app(account, **fields):
    """Return media with a comment of a visitor, without an event."""
    media_id = post_in_app(account)
    comment = account.sandbox.control(
        "instagram/comments", media_id=media_id, text="hello", is_silent=True, **fields
    )
    return media_id, comment["id"]


def publish_in_shape(name):
    def publish(account, _prepared):
        driver = account.publish(name)
        assert driver.errors == []
        posts = [each for each in account.posts if each["id"] in driver.publication.post_ids]
        assert len(posts) == 1
        (post,) = posts
        return driver.publication.phase, post["media"]["permalink"] == driver.publication.permalink

    return publish


def read_limit(account, _prepared):
    driver = account.start_post("image")
    (reading,) = driver.publisher.check_before(driver.publication, driver.tools)
    return reading.name, reading.limit


def find_lost_post(name):
    def publish(account, _prepared):
        account.sandbox.inject_fault("media_publish", "drop_after")
        driver = account.publish(name)
        return driver.publication.post_ids == (account.posts[-1]["id"],)

    return publish


def list_items(listing):
    def list_them(account, _prepared):
        insights = account.adapter.insights
        return insights.fetch_item_page(read_access(account), listing=listing).items

    return list_them


def fetch_item(account, media_id):
    return account.adapter.insights.fetch_items(read_access(account), ids=[media_id])


def list_comments(account, prepared):
    return account.adapter.comments.list_comments(prepared[0], account.token).comments


def fetch_comment(account, prepared):
    return account.adapter.comments.fetch_comment(prepared[1], account.token, account_id=account.id)


def reply(account, prepared):
    """The id of the reply that the answer names is that of a real one."""
    comments = account.adapter.comments
    comment = comments.fetch_comment(prepared[1], account.token, account_id=account.id)
    made = comments.reply(comment, "thank you", account.token)
    stored = account.sandbox.control(f"instagram/comments?media_id={prepared[0]}")["comments"]
    return made in {each["id"] for each in stored}


def hide_comment(account, prepared):
    account.adapter.comments.set_hidden(prepared[1], True, account.token)
    stored = account.sandbox.control(f"instagram/comments?media_id={prepared[0]}")["comments"]
    return {each["id"]: each["hidden"] for each in stored}[prepared[1]]


def delete_comment(account, prepared):
    account.adapter.comments.delete(prepared[1], account.token)
    return account.sandbox.control(f"instagram/comments?media_id={prepared[0]}")["comments"]


def enable_comments(account, prepared):
    return account.adapter.comments.set_enabled(prepared[0], True, account.token)


def fetch_item_metrics(account, media_id):
    item = PublicItem(media_id, product="FEED", media_type="IMAGE")
    report = account.adapter.detailed_insights.fetch_item_metrics(item, read_access(account))
    return frozenset(report.counts), report.unavailable


def fetch_account_metrics(account, _prepared):
    until = account.sandbox.now
    report = account.adapter.detailed_insights.fetch_account_metrics(
        read_access(account), since=until - timedelta(days=7), until=until
    )
    series = {name: len(points) for name, points in report.series.items()}
    return frozenset(report.counts), series, report.unavailable


def search_places(account, _prepared):
    return account.adapter.places.search_places("park", account.fallback_token)


def send_change(field, value, *, shape="changes"):
    def send(account):
        change = {"account_id": account.id, "field": field, "value": value}
        flavour = "facebook" if "facebook" in account.sandbox.flavour else "instagram"
        account.sandbox.control(
            "instagram/test-event", changes=[change], flavour=flavour, shape=shape
        )

    return send


def message_value(form_key):
    return {
        "sender": {"id": "5"},
        "recipient": {"id": "6"},
        "timestamp": 1_763_800_000_123,
        form_key: {"mid": f"m-{form_key}"},
    }


COMMENT = {
    "id": "1790001",
    "text": "nice",
    "from": {"id": "99", "username": "ada"},
    "media": {"id": "1800001", "media_product_type": "FEED"},
}
MESSAGE_EVENTS = {
    form.kind: send_change("messaging", message_value(key)) for key, form in MESSAGE_FORMS.items()
}
EVENTS = {
    "comment.received": send_change("comments", COMMENT),
    "comment.received_live": send_change("live_comments", COMMENT),
    "mention.received": send_change("mentions", {"media_id": "1800002", "comment_id": "1790002"}),
    "story.metrics": send_change("story_insights", {"media_id": "1800003", "reach": 7}),
    "media.changed": send_change("comments", COMMENT, shape="changed_fields"),
    "message.standby": send_change("standby", message_value("message")),
    **MESSAGE_EVENTS,
}
COMMON_SHAPES = {
    "me": ShapeCall(identify),
    "container_create": ShapeCall(publish_in_shape("carousel")),
    "container_status": ShapeCall(publish_in_shape("carousel")),
    "media_publish": ShapeCall(publish_in_shape("image")),
    "media_node": ShapeCall(publish_in_shape("reel")),
    "publishing_limit": ShapeCall(read_limit),
    "media_list": ShapeCall(find_lost_post("image")),
    "stories_list": ShapeCall(find_lost_post("story")),
    "subscribed_apps_ig": ShapeCall(subscribe),
    "comment_list": ShapeCall(list_comments, comment_in_app),
    "comment_node": ShapeCall(fetch_comment, comment_in_app),
    "comment_reply": ShapeCall(reply, comment_in_app),
    "comment_hide": ShapeCall(hide_comment, comment_in_app),
    "comment_delete": ShapeCall(delete_comment, comment_in_app, is_spent=True),
    "media_comment_enabled": ShapeCall(enable_comments, comment_in_app),
    "media_insights": ShapeCall(fetch_item_metrics, post_in_app),
    "account_insights": ShapeCall(fetch_account_metrics),
}
FACEBOOK_SHAPES = {
    "ig_user_node": ShapeCall(lambda account, _: fetch_totals(account, account.token)),
    "fb_code_exchange": ShapeCall(connect_again),
    "fb_exchange_token": ShapeCall(renew),
    "debug_token": ShapeCall(inspect_token),
    "me_permissions": ShapeCall(identify),
    "me_accounts": ShapeCall(find_destinations),
    "me_businesses": ShapeCall(find_destinations),
    "page_node": ShapeCall(find_by_granted_ids),
    "subscribed_apps_page": ShapeCall(subscribe),
    "rupload": ShapeCall(publish_in_shape("uploaded reel")),
    "page_search": ShapeCall(search_places),
}
INSTAGRAM_SHAPES = {
    "ig_code_exchange": ShapeCall(connect_again),
    "ig_exchange_token": ShapeCall(connect_again),
    "ig_refresh_token": ShapeCall(renew),
}


def error_cases():
    """Return every row of the catalogue; without a subcode also with one that nobody knows."""
    for code, subcode in ERROR_CATALOGUE:
        fields = {"code": code} if subcode is None else {"code": code, "subcode": subcode}
        meaning = find_meaning((code, subcode))
        yield fields, meaning.kind, meaning.code
    for code in (200, 210, 230, 299):
        yield {"code": code}, find_meaning((10, None)).kind, "permission_missing"


def end_tokens(subcode):
    return lambda account: account.sandbox.control(
        "instagram/token-death", login=account.person, subcode=subcode
    )


ANSWER_FIELDS = (
    *(
        "id",
        "data",
        "paging",
        "name",
        "username",
        "status_code",
        "status",
        "permalink",
        "shortcode",
    ),
    *("timestamp", "media_type", "media_product_type", "caption", "children", "success", "values"),
    *("value", "total_value", "breakdowns", "results", "quota_usage", "config", "quota_total"),
    *("access_token", "expires_in", "token_type", "user_id", "permissions", "permission"),
    *("is_valid", "scopes", "granular_scopes", "expires_at", "tasks", "instagram_business_account"),
    *("text", "from", "media", "replies", "hidden", "like_count", "comments_count", "uri"),
    *(
        "followers_count",
        "follows_count",
        "media_count",
        "subscribed_fields",
        "location",
        "message",
    ),
)


FACEBOOK_PROFILE = PlatformProfile(
    platform="instagram",
    scopes=FACEBOOK_SCOPES,
    posts=POSTS | UPLOADS,
    token_endpoint="fb_exchange_token",
    safe_calls={
        "me": identify,
        "me_accounts": find_destinations,
        "ig_user_node": lambda account: fetch_totals(account, account.token),
        "media_list": lambda account: list_items("media")(account, None) is not None,
    },
    authorized_call=fetch_totals,
    end_access=lambda account: account.adapter.flow.revoke(account.grant.access_token),
    events=EVENTS,
    shape_calls=COMMON_SHAPES | FACEBOOK_SHAPES,
    answer_fields=ANSWER_FIELDS,
    other_endpoints=frozenset({*INSTAGRAM_SHAPES, WEBHOOK_FIELD}),
    error_cases=tuple(error_cases()),
    error_endpoint="ig_user_node",
    error_call=lambda account: fetch_totals(account, account.token),
)
INSTAGRAM_PROFILE = replace(
    FACEBOOK_PROFILE,
    scopes=INSTAGRAM_SCOPES,
    posts=POSTS,
    token_endpoint="ig_refresh_token",
    renewal_age=90_000.0,
    safe_calls={
        "me": lambda account: fetch_totals(account, account.token),
        "media_list": lambda account: list_items("media")(account, None) is not None,
    },
    end_access=end_tokens(458),
    shape_calls=COMMON_SHAPES | INSTAGRAM_SHAPES,
    other_endpoints=frozenset({*FACEBOOK_SHAPES, WEBHOOK_FIELD}),
    error_endpoint="me",
)
