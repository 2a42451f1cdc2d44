"""The state of the imitated TikTok, in one object behind one lock."""

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.creators import SandboxCreator, default_creators
from platforms.sandbox.tiktok.posts import SandboxPost, SandboxPosts
from platforms.sandbox.tiktok.rate_counter import RateCounter
from platforms.sandbox.tiktok.settings import SandboxSettings
from platforms.sandbox.tiktok.tokens import TokenStore
from platforms.sandbox.video_inspector import VideoProbeCache


@dataclass
class TikTokState:
    """The app's registration, creators, tokens and posts of one sandbox."""

    sandbox: SandboxState
    client_key: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    settings: SandboxSettings = field(default_factory=SandboxSettings)
    creators: dict[str, SandboxCreator] = field(default_factory=default_creators)
    tokens: TokenStore = field(default_factory=TokenStore)
    posts: SandboxPosts = field(default_factory=SandboxPosts)
    video_probes: VideoProbeCache = field(default_factory=VideoProbeCache)
    rate_counter: RateCounter = field(default_factory=RateCounter)
    # the time of the last creator_info call, by open_id
    creator_info_at: dict[str, float] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def time(self) -> float:
        return self.sandbox.clock.time

    def creator(self, post: SandboxPost) -> SandboxCreator:
        return self.creators[post.open_id]


def current_tiktok() -> TikTokState:
    """Return the TikTok that serves this request."""
    return cast("TikTokState", current_app.extensions["tiktok"])
