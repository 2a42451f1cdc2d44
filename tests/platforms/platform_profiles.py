"""What the contract suite has to know of one platform: its names for what all of them can do.

A second adapter brings a line here and a stage; the suite itself does not change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.base import Phase, PublishRequest

AdapterCall = Callable[[Any, Any], Any]  # of an adapter, for a grant


@dataclass(frozen=True)
class PlatformProfile:
    """`films`: kinds of posts whose bytes are sent to the platform, and the phases they end in.

    Endpoints are called as the sandbox calls them in its log and takes them for faults.
    """

    scopes: tuple[str, ...]
    end_phases: Mapping[str, Phase]
    default_kind: str  # the kind to start where it does not matter which
    start_endpoint: str
    upload_endpoint: str
    token_endpoint: str
    safe_calls: Mapping[str, AdapterCall]  # endpoint → a call that may be repeated at will
    authorized_call: AdapterCall  # one that a dead token is refused for
    unknown_id: str
    chunked_file: tuple[int, int]  # bytes of a film that is cut, and into how many
    settings: Mapping[str, Any] = field(default_factory=dict)
    creator_traits: Mapping[str, Any] = field(default_factory=dict)  # who can post all of these
    rotates_refresh_token: bool = True  # a refresh ends the refresh token it was made with

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
        "creator_info": lambda one, grant: one.publisher.fetch_creator_info(grant.access_token),
        "user_info": lambda one, grant: one.oauth.fetch_profile(grant.access_token, grant.scopes),
    },
    authorized_call=lambda one, token: one.publisher.fetch_creator_info(token),
    unknown_id="v_pub_file~v2-1.1",
    chunked_file=(70_000_001, 7),
    settings={"privacy_level": "SELF_ONLY", "title": "Contract"},
    creator_traits={"private": True},
)
