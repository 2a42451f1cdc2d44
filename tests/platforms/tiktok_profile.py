"""TikTok in the contract suite."""

from platforms.base import Phase
from platforms.insights_base import AccountAccess
from platforms.publishing import MediaItem
from tests.platforms.platform_profiles import OUR_FILE_ID, ContractPost, PlatformProfile, ShapeCall

OUR_VIDEO = MediaItem(0, "video", media_id=OUR_FILE_ID, content_type="video/mp4")
VIDEO_AT_URL = MediaItem(0, "video", url="https://videos.example.com/video.mp4")
PHOTO_AT_URL = MediaItem(0, "image", url="https://videos.example.com/photo.jpg")
DIRECT = {"privacy_level": "PUBLIC_TO_EVERYONE"}
EVENT_NAMES = {
    "video.publish.complete": "post.publish.complete",
    "video.publish.failed": "post.publish.failed",
    "video.inbox.received": "post.publish.inbox_delivered",
    "post.publish.publicly_available": "post.publish.publicly_available",
    "post.publish.no_longer_publicaly_available": "post.publish.no_longer_publicaly_available",
    "authorization.removed": "authorization.removed",
}
"""Our kind of event → TikTok's."""


def read_access(account):
    return AccountAccess(account.token, account.scopes)


def send_event(name):
    content = {"publish_id": "v_pub_url~v2.1", "post_id": "7", "reason": "1"}
    return lambda account: account.sandbox.control(
        "webhooks", event=name, open_id=account.id, content=content
    )


def fetch_posting_options(account, token):
    return account.adapter.step_publisher.calls.fetch_posting_options(token)


def read_creator_info(account, _prepared):
    info = account.adapter.step_publisher.calls.fetch_posting_options(account.token)
    return {name: value for name, value in info.items() if name != "log_id"}


def identify(account, _prepared=None):
    return account.adapter.flow.identify(account.grant)


def renew(account, _prepared):
    """Return what is the same in each grant; the tokens are kept for the next renewal."""
    grant = account.memory.get("grant", account.grant)
    account.memory["grant"] = new = account.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )
    account.token = new.access_token
    account.grant = new
    return new.login_id, frozenset(new.scopes), new.is_lifetime_assumed


def publish_and_find(account):
    """Publish, and wait until the platform has given the post an id."""
    driver = account.publish("upload")
    for _ in range(20):
        driver.run_step("check")
        if driver.publication.post_ids:
            return driver
        account.sandbox.advance_clock(10)
    raise AssertionError("the platform gave the post no id")


def read_status(account, driver):
    handle = driver.publication.get_part(0).handle
    progress = account.adapter.step_publisher.calls.fetch_status(account.token, handle)
    return progress.phase, progress.post_ids, progress.bytes_done, progress.is_public


def describe_items(items):
    """Return the posts without the values of their counts, which grow meanwhile."""
    return [(item.id, item.url, item.text, item.duration, frozenset(item.counts)) for item in items]


def query_videos(account, driver):
    ids = driver.publication.post_ids
    return describe_items(account.adapter.insights.fetch_items(read_access(account), ids=ids))


def list_videos(account, _driver):
    return describe_items(account.adapter.insights.fetch_item_page(read_access(account)).items)


def publish_in_shape(account, _prepared):
    return account.publish("upload").publication.phase


TIKTOK_PROFILE = PlatformProfile(
    platform="tiktok",
    scopes=("user.info.basic", "video.upload", "video.publish", "video.list"),
    posts={
        "upload": ContractPost(
            "DIRECT_VIDEO",
            (OUR_VIDEO,),
            {"start": "video_init", "send_last": "upload", "check": "status"},
            DIRECT,
        ),
        "pull": ContractPost(
            "DIRECT_VIDEO",
            (VIDEO_AT_URL,),
            {"start": "video_init", "check": "status"},
            DIRECT,
        ),
        "draft": ContractPost(
            "INBOX_VIDEO",
            (OUR_VIDEO,),
            {"start": "inbox_init", "send_last": "upload", "check": "status"},
            ends_in=Phase.DELIVERED,
        ),
        "photo": ContractPost(
            "DIRECT_PHOTO",
            (PHOTO_AT_URL,),
            {"start": "content_init", "check": "status"},
            DIRECT,
        ),
    },
    token_endpoint="token",
    safe_calls={
        "creator_info": lambda account: fetch_posting_options(account, account.token),
        "user_info": identify,
    },
    authorized_call=fetch_posting_options,
    end_access=lambda account: account.adapter.flow.revoke(account.token),
    events={kind: send_event(name) for kind, name in EVENT_NAMES.items()},
    unprovable_steps=frozenset({"start"}),
    rotates_refresh_token=True,
    is_renewal_repeatable=False,
    shape_calls={
        "token": ShapeCall(renew),
        "user_info": ShapeCall(identify),
        "creator_info": ShapeCall(read_creator_info),
        "status": ShapeCall(read_status, publish_and_find),
        "video_init": ShapeCall(publish_in_shape),
        "upload": ShapeCall(publish_in_shape),
        "video_query": ShapeCall(query_videos, publish_and_find),
        "video_list": ShapeCall(list_videos, publish_and_find),
    },
    answer_fields=(
        *("data", "error", "publish_id", "upload_url", "status", "uploaded_bytes", "fail_reason"),
        *("publicaly_available_post_id", "creator_username", "privacy_level_options"),
        *("max_video_post_duration_sec", "open_id", "display_name", "avatar_url", "expires_in"),
        *("access_token", "refresh_token", "scope", "videos", "cursor", "has_more", "view_count"),
    ),
    # the other starts answer like `video_init`
    other_endpoints=frozenset({"inbox_init", "content_init", "cancel", "revoke"}),
)
