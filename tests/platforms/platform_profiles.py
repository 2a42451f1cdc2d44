"""What the contract suite has to know about each platform: names, scopes, kinds of posts.

A second adapter adds a profile here and a runner in `sandbox_client.py`; the suite stays the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.base import Phase, PublishRequest

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
    safe_calls: Mapping[str, AdapterCall]  # endpoint → a call that may be repeated
    authorized_call: AdapterCall  # a call that needs a valid access token
    unknown_id: str
    chunked_file: tuple[int, int]  # size of a video in several chunks, and their number
    settings: Mapping[str, Any] = field(default_factory=dict)
    creator_traits: Mapping[str, Any] = field(default_factory=dict)  # of one who can post all kinds
    rotates_refresh_token: bool = True  # whether a refresh token can be used only once

    def publish_request(self, size: int, kind: str | None = None) -> PublishRequest:
        return PublishRequest(
            kind or self.default_kind, "FILE_UPLOAD", size=size, settings=self.settings
        )


TIKTOK_PROFILE = PlatformProfile(
    scopes=("user.info.basic", "video.upload", "video.publish", "video.list"),
    end_phases={"INBOX_VIDEO": Phase.DELIVERED, "DIRECT_VIDEO": Phase.PUBLISHED},
    default_kind="DIRECT_VIDEO",
    start_endpoint="video_init",
    upload_endpoint="upload",
    token_endpoint="token",
    safe_calls={
        "creator_info": lambda adapter, grant: adapter.publisher.fetch_creator_info(
            grant.access_token
        ),
        "user_info": lambda adapter, grant: adapter.oauth.fetch_profile(
            grant.access_token, grant.scopes
        ),
    },
    authorized_call=lambda adapter, token: adapter.publisher.fetch_creator_info(token),
    unknown_id="v_pub_file~v2-1.1",
    chunked_file=(70_000_001, 7),
    settings={"privacy_level": "SELF_ONLY", "title": "Contract"},
    creator_traits={"private": True},
)
