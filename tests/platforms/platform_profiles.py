"""What the contract suite has to know about each platform: names, scopes, kinds of posts.

A second adapter adds a profile here and a runner in `sandbox_client.py`; the suite stays the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.base import Phase, PublishRequest
from platforms.insights_base import AccountAccess

AdapterCall = Callable[[Any, Any], Any]  # takes the adapter, and a grant or an access token


@dataclass(frozen=True)
class PlatformProfile:
    """One platform. Endpoints have the names that the sandbox uses in its log and for faults."""

    scopes: tuple[str, ...]
    end_phases: Mapping[str, Phase]  # by kind of uploaded posts, the phase they end in
    default_kind: str  # the kind to start if it does not matter which
    start_endpoint: str
    upload_endpoint: str
    token_endpoint: str
    status_endpoint: str
    creator_endpoint: str
    profile_endpoint: str
    safe_calls: Mapping[str, AdapterCall]  # endpoint → a call that may be repeated
    authorized_call: AdapterCall  # a call that needs a valid access token
    unknown_id: str
    chunked_file: tuple[int, int]  # size of a video in several chunks, and their number
    settings: Mapping[str, Any] = field(default_factory=dict)
    creator_traits: Mapping[str, Any] = field(default_factory=dict)  # of one who can post all kinds
    rotates_refresh_token: bool = True  # whether a refresh token can be used only once
    # our name of a response field → the platform's
    fields: Mapping[str, str] = field(default_factory=dict)
    other_spellings: Mapping[str, str] = field(default_factory=dict)  # documented → as also seen
    # endpoint → the fields of its response, as far as the adapter reads them
    response_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    public_settings: Mapping[str, Any] = field(default_factory=dict)  # of a public post
    # endpoint → a call that returns videos; takes the adapter, a grant and ids of public posts
    video_calls: Mapping[str, Callable[[Any, Any, Any], Any]] = field(default_factory=dict)

    def publish_request(
        self, size: int, kind: str | None = None, *, public: bool = False
    ) -> PublishRequest:
        settings = self.public_settings if public else self.settings
        return PublishRequest(
            kind or self.default_kind, "FILE_UPLOAD", size=size, settings=settings
        )


TIKTOK_PROFILE = PlatformProfile(
    scopes=("user.info.basic", "video.upload", "video.publish", "video.list"),
    end_phases={"INBOX_VIDEO": Phase.DELIVERED, "DIRECT_VIDEO": Phase.PUBLISHED},
    default_kind="DIRECT_VIDEO",
    start_endpoint="video_init",
    upload_endpoint="upload",
    token_endpoint="token",
    status_endpoint="status",
    creator_endpoint="creator_info",
    profile_endpoint="user_info",
    safe_calls={
        "creator_info": lambda adapter, grant: adapter.publisher.fetch_creator_info(
            grant.access_token
        ),
        "user_info": lambda adapter, grant: adapter.flow.identify(grant),
    },
    authorized_call=lambda adapter, token: adapter.publisher.fetch_creator_info(token),
    unknown_id="v_pub_file~v2-1.1",
    chunked_file=(70_000_001, 7),
    settings={"privacy_level": "SELF_ONLY", "title": "Contract"},
    creator_traits={"private": True},
    fields={
        "access_token": "access_token",
        "account": "open_id",
        "lifetime": "expires_in",
        "max_seconds": "max_video_post_duration_sec",
        "publication": "publish_id",
        "refresh_lifetime": "refresh_expires_in",
        "scopes": "scope",
    },
    other_spellings={"publicaly_available_post_id": "publicly_available_post_id"},
    response_fields={
        "status": ("status", "publicaly_available_post_id", "uploaded_bytes", "fail_reason"),
        "creator_info": (
            "creator_avatar_url",
            "creator_username",
            "creator_nickname",
            "privacy_level_options",
            "comment_disabled",
            "duet_disabled",
            "stitch_disabled",
            "max_video_post_duration_sec",
        ),
        "user_info": ("open_id", "union_id", "avatar_url", "display_name"),
    },
    public_settings={"privacy_level": "PUBLIC_TO_EVERYONE", "title": "Contract"},
    video_calls={
        "video_query": lambda adapter, grant, ids: adapter.insights.fetch_items(
            AccountAccess(grant.access_token, grant.scopes), ids=ids
        ),
        "video_list": lambda adapter, grant, _ids: (
            adapter.insights.fetch_item_page(AccountAccess(grant.access_token, grant.scopes)).items
        ),
    },
)
