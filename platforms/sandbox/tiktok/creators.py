"""The sandbox's creators; their traits decide what they may post."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from platforms.sandbox.tiktok.settings import PUBLIC_TO_EVERYONE

FRIENDS, FOLLOWERS, ONLY_ME = "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"
PRIVACY_LEVELS = frozenset({PUBLIC_TO_EVERYONE, FRIENDS, FOLLOWERS, ONLY_ME})


def new_union_id() -> str:
    return "-000u" + secrets.token_urlsafe(24)


@dataclass
class SandboxCreator:
    """A TikTok user. `posts_elsewhere`: today's posts by other clients, which count for the cap."""

    open_id: str
    username: str = ""
    nickname: str = ""
    private: bool = False
    comment_disabled: bool = False
    duet_disabled: bool = False
    stitch_disabled: bool = False
    max_video_post_duration_sec: int = 300
    banned: bool = False
    target: bool = True  # whether the user is a target user of a sandbox app
    posts_elsewhere: int = 0
    fail_reason: str = ""  # every post of this creator fails with it
    bio_description: str = "Made of sand."
    follower_count: int = 1200
    following_count: int = 34
    likes_count: int = 56_789
    union_id: str = field(default_factory=new_union_id)

    def __post_init__(self) -> None:
        self.username = self.username or "creator" + self.open_id.strip("-")[-6:].lower()
        self.nickname = self.nickname or self.username.capitalize()

    @property
    def privacy_level_options(self) -> list[str]:
        """The levels that the account allows, whether or not the app may use them.

        Source: TikTok, query-creator-info.
        """
        return [FOLLOWERS if self.private else PUBLIC_TO_EVERYONE, FRIENDS, ONLY_ME]

    @property
    def avatar_url(self) -> str:
        return f"https://p16-sign.tiktokcdn-us.com/{self.username}.jpeg?x-expires=7200"

    def creator_info(self) -> dict[str, Any]:
        return {
            "creator_avatar_url": self.avatar_url,
            "creator_username": self.username,
            "creator_nickname": self.nickname,
            "privacy_level_options": self.privacy_level_options,
            "comment_disabled": self.comment_disabled,
            "duet_disabled": self.duet_disabled or self.private,
            "stitch_disabled": self.stitch_disabled or self.private,
            "max_video_post_duration_sec": self.max_video_post_duration_sec,
        }


def default_creators() -> dict[str, SandboxCreator]:
    """Return the creators that a new sandbox starts with, by open_id."""
    creators = (
        SandboxCreator("-000alice-sandbox", "alice", "Alice"),
        SandboxCreator("-000bruno-sandbox", "bruno", "Bruno (private)", private=True),
        SandboxCreator("-000clara-sandbox", "clara", "Clara (no comments)", comment_disabled=True),
        SandboxCreator("-000dora-sandbox", "dora", "Dora (banned)", banned=True),
    )
    return {creator.open_id: creator for creator in creators}
