"""What the contract suite has to know of one platform: its names for what all of them can do.

A second adapter brings a line here and a stage; the suite itself does not change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.base import Order, Phase

Ask = Callable[[Any, Any], Any]  # of an adapter, for a grant


@dataclass(frozen=True)
class Role:
    """`films`: kinds of posts whose bytes are sent to the platform, and the phases they end in.

    Endpoints are called as the sandbox calls them in its log and takes them for faults.
    """

    scopes: tuple[str, ...]
    films: Mapping[str, Phase]
    start: str  # the kind to start where it does not matter which
    starts_at: str
    uploads_at: str
    tokens_at: str
    questions: Mapping[str, Ask]  # endpoint → a call that may be repeated at will
    private_question: Ask  # one that a dead token is refused for
    unknown_id: str
    many_chunks: tuple[int, int]  # bytes of a film that is cut, and into how many
    settings: Mapping[str, Any] = field(default_factory=dict)
    creator: Mapping[str, Any] = field(default_factory=dict)  # who can post all of these
    rotates: bool = True  # a refresh ends the refresh token it was made with

    def order(self, size: int, kind: str | None = None) -> Order:
        return Order(kind or self.start, "FILE_UPLOAD", size=size, settings=self.settings)


TIKTOK = Role(
    scopes=("user.info.basic", "video.upload", "video.publish", "video.list"),
    films={"INBOX_VIDEO": Phase.DELIVERED, "DIRECT_VIDEO": Phase.PUBLISHED},
    start="DIRECT_VIDEO",
    starts_at="video_init",
    uploads_at="upload",
    tokens_at="token",
    questions={
        "creator_info": lambda one, grant: one.publisher.creator(grant.access_token),
        "user_info": lambda one, grant: one.oauth.profile(grant.access_token, grant.scopes),
    },
    private_question=lambda one, token: one.publisher.creator(token),
    unknown_id="v_pub_file~v2-1.1",
    many_chunks=(70_000_001, 7),
    settings={"privacy_level": "SELF_ONLY", "title": "Contract"},
    creator={"private": True},
)
